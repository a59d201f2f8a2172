"""`from_pretrained`: a model from a folder, a hub id or another library's checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from segzoo.errors import CheckpointError, OptionError
from segzoo.loading import restoring
from segzoo.loading.importing import import_checkpoint
from segzoo.model import SegmentationModel
from segzoo.publishing import hub
from segzoo.publishing.config import find_config
from segzoo.publishing.folder import standing


def from_pretrained(
    path_or_id: str | PathLike[str],
    *,
    classes: int | Mapping[str, int] | None = None,
    revision: str | None = None,
    verify: bool = False,
    importer: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> SegmentationModel:
    """Load a model that `model.save_pretrained` saved, or one of a library that an importer plugin reads.

    Loading unpickles nothing, imports nothing that the files name, and downloads no other weights.

    :param path_or_id: a folder, or a model's id on the hub (`"user/name"`); for an importer a file of weights too. A
        folder that exists takes precedence over a hub id.
    :param classes: another number of classes than the model was saved with, for named heads by name. Weights that
        depend on it are initialised anew, and a warning names them.
    :param revision: a branch, tag or commit of a model on the hub.
    :param verify: whether to check that the model computes here what it computed where it was saved.
    :param importer: the name of the importer to use; the first one that recognises the checkpoint if None.
    :param arguments: what the importer needs to know and a bare file of weights doesn't say.
    :returns: the model, in eval mode, on the default device, with its `preprocessing` and `labels`.
    :raises CheckpointError: when the files can't be read or don't fit, or the model computes something else.
    :raises PluginError: when the plugin of one of its parts is missing; the message says how to install it.
    :raises OptionError: for arguments that the model can't have.

    >>> model = segzoo.from_pretrained("trained/unet")  # doctest: +SKIP
    """
    if not isinstance(arguments, Mapping | None):
        raise OptionError(f"arguments are names and values for the importer, got {arguments!r}")
    path = _local(path_or_id)
    if path is None:
        path = hub.download(str(path_or_id), revision)
    elif revision is not None:
        raise OptionError(
            f"revision={revision!r} is for a model on the hub, and {str(path_or_id)!r} is on this machine"
        )
    config = find_config(path) if importer is None and not arguments else None
    if config is None:
        if verify:
            raise OptionError(f"verify=True needs a model that segzoo saved, and {str(path_or_id)!r} is none")
        return import_checkpoint(path, classes, importer, arguments)
    if verify and classes is not None:
        raise OptionError("verify=True needs the saved classes: leave classes out")
    model = restoring.restore(path, config, classes)
    if verify:
        restoring.verify(model, config)
    return model


def _local(path_or_id: str | PathLike[str]) -> Path | None:
    """The path on this machine; None for a hub id.

    :raises CheckpointError: for neither.
    """
    try:
        path = standing(path_or_id)
        if str(path_or_id) and path.exists():
            return path
    except (OSError, TypeError, ValueError):  # such as a name that is too long, or holds a null byte
        pass
    if isinstance(path_or_id, str) and path_or_id.count("/") == 1 and path_or_id[0] not in "./~":
        return None
    raise CheckpointError(f"there is nothing at {str(path_or_id)!r}; give a folder, or a hub id: 'user/name'")
