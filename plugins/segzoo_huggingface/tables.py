"""The tables of a dataset, as the library `datasets` loads them: saved by it, Parquet files, or from the hub."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from segzoo import DataError, MissingExtraError

SAVED = {"dataset_dict.json": (), "state.json": ("dataset_info.json",)}
"""What `save_to_disk` writes for several splits, and for one, and what lies beside it."""
SPLITS = {"training": "train", "validation": "val", "valid": "val", "dev": "val"}
ON_HUB = re.compile(r"[\w.-]+/[\w.-]+")
ID2LABEL = "id2label.json"


def require_datasets() -> Any:
    """The library.

    :raises MissingExtraError: where it isn't installed.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError(
            f'this dataset needs the library datasets ({error}): pip install "segzoo-torch[huggingface]"'
        ) from error
    return datasets


def recognise(path: Path) -> str | None:
    """What of the library's lies at a path."""
    if path.is_file():
        return "a Parquet file" if path.suffix == ".parquet" else None
    if saved := _saved(path):
        return f"{saved} of the library datasets"
    tables = [*path.glob("*.parquet"), *path.glob("data/*.parquet")]
    return f"Parquet files such as {min(tables).relative_to(path).as_posix()}" if tables else None


def load(path: Path, config: str | None, revision: str | None) -> dict[str, Any]:
    """The table of each split; under `"all"` where there is one.

    :param path: what `recognise` knows, or a name on the hub.
    :raises DataError: when there is nothing, or the library can't load it.
    """
    datasets = require_datasets()
    try:
        if not path.exists():
            if not ON_HUB.fullmatch(path.as_posix()):
                raise DataError(f"there is nothing at {path}; give a folder, or a name on the hub, such as user/name")
            loaded = datasets.load_dataset(path.as_posix(), config, revision=revision)
        elif recognise(path) is None:
            raise DataError(f"{path} has neither {' nor '.join(SAVED)} nor Parquet files; save it with save_to_disk")
        elif path.is_file():
            loaded = datasets.load_dataset("parquet", data_files=str(path))
        elif _saved(path):
            loaded = datasets.load_from_disk(str(path))
        else:
            loaded = datasets.load_dataset("parquet", data_dir=str(path))
    except DataError:
        raise
    except Exception as error:  # the library's own, those of the network, those of Arrow
        where = "" if path.exists() else " isn't on this disk, and"
        raise DataError(
            f"{path}{where} can't be loaded by the library datasets: {type(error).__name__}: {error}"
        ) from error
    tables = dict(loaded) if isinstance(loaded, dict) else {"all": loaded}
    if len(tables) == 1:
        return {"all": next(iter(tables.values()))}
    return {SPLITS.get(name, name): table for name, table in tables.items()}


def read_names(path: Path, revision: str | None) -> tuple[str, ...]:
    """The names of the classes in `id2label.json`, beside the data or on the hub; none where there is no such file.

    :raises DataError: when it can't be read.
    """
    if path.exists():
        file = (path if path.is_dir() else path.parent) / ID2LABEL
    else:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError

        try:
            file = Path(hf_hub_download(path.as_posix(), ID2LABEL, repo_type="dataset", revision=revision))
        except EntryNotFoundError:
            return ()
    if not file.is_file():
        return ()
    try:
        content = {int(key): str(value) for key, value in json.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError) as error:
        raise DataError(
            f"{file} can't be read as names by number: {error}; expected the like of " + '{"0": "road", "1": "sky"}'
        ) from error
    if sorted(content) != list(range(len(content))):
        raise DataError(f"{file} has the numbers {sorted(content)}; expected 0 to {len(content) - 1}")
    return tuple(content[number] for number in range(len(content)))


def _saved(path: Path) -> str | None:
    return next((name for name, rest in SAVED.items() if all((path / each).is_file() for each in (name, *rest))), None)
