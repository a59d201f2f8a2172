"""The hub: uploads and downloads models through huggingface_hub, with its cache and progress bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from segzoo.errors import CheckpointError
from segzoo.publishing.saving import FILES

DESCRIPTIONS = ("*.json", "README.md", "model*.safetensors")
PICKLED = ("pytorch_model*.bin",)  # other libraries' weights, read without unpickling
DEFAULT_MESSAGE = "Upload a segzoo model"


def download(repo_id: str, revision: str | None = None) -> Path:
    """The folder of a model, in the hub's cache on this machine.

    :param revision: a branch, tag or commit.
    :raises CheckpointError: when there is no such model, or it can't be downloaded.
    """
    from huggingface_hub import snapshot_download

    with _telling(repo_id, revision):
        folder = Path(snapshot_download(repo_id, revision=revision, allow_patterns=list(DESCRIPTIONS)))
        if not any(folder.glob("model*.safetensors")):
            snapshot_download(repo_id, revision=revision, allow_patterns=[*DESCRIPTIONS, *PICKLED])
    return folder


def upload(
    folder: Path,
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    commit_message: str | None = None,
    others: Sequence[str] = (),
) -> str:
    """Upload a folder that segzoo saved, and create its page if there is none.

    :param others: names of files that are uploaded besides segzoo's own.
    :returns: the address of the page.
    :raises CheckpointError: when the upload fails.
    """
    from huggingface_hub import HfApi

    with _telling(repo_id, None):
        api = HfApi(token=token)
        page = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=page.repo_id,
            folder_path=folder,
            allow_patterns=[*FILES, *others],
            commit_message=commit_message or DEFAULT_MESSAGE,
        )
    return str(page)


@contextmanager
def _telling(repo_id: str, revision: str | None) -> Iterator[None]:
    """A block in which the hub's errors become a CheckpointError that says what to do next."""
    from huggingface_hub import utils

    where = f"hub model {repo_id!r}" + (f" at revision {revision!r}" if revision else "")
    try:
        yield
    except utils.GatedRepoError as error:
        said = f"asks for consent: give it on https://huggingface.co/{repo_id}, and log in with `hf auth login`"
        raise CheckpointError(f"{where} {said}") from error
    except utils.RepositoryNotFoundError as error:
        raise CheckpointError(f"{where} doesn't exist, or is private: check the id, or `hf auth login`") from error
    except utils.RevisionNotFoundError as error:
        raise CheckpointError(f"{where} doesn't exist: give a branch, tag or commit of it") from error
    except utils.HFValidationError as error:
        raise CheckpointError(f"{repo_id!r} is no hub id, 'user/name': {error}") from error
    except utils.OfflineModeIsEnabled as error:
        raise CheckpointError(f"{where}: offline mode is on (unset HF_HUB_OFFLINE)") from error
    except utils.LocalEntryNotFoundError as error:
        raise CheckpointError(
            f"{where} isn't in this machine's cache, and the hub can't be reached: check the connection, or copy its "
            "folder here and give the path"
        ) from error
    except utils.HfHubHTTPError as error:
        raise CheckpointError(f"{where}: the hub answered: {error}; is the token allowed to do this?") from error
    except Exception as error:  # of the network, in as many types as there are clients
        raise CheckpointError(
            f"{where}: the hub's client failed ({type(error).__name__}: {error}); check the connection"
        ) from error
