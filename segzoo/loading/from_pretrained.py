"""Loading a published model: a folder, a hub id, or somebody else's checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from segzoo.errors import CheckpointError, OptionError
from segzoo.loading import restoring
from segzoo.loading.importing import bring_in
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
    """Load a model that was saved: by `model.save_pretrained`, or by a library that an importer plugin knows.

    Nothing is unpickled, nothing that the files name is imported, and no other weights are downloaded.

    :param path_or_id: a folder, or a model's id on the hub (`"user/name"`); for an importer a file of weights too. A
        folder that exists wins over a hub id.
    :param classes: another number of classes than the model was saved with, for named heads by name. What depends on
        it is initialised anew, with a warning that names it.
    :param revision: of the hub: a branch, tag or commit.
    :param verify: whether to hold what the model computes here against what it did where it was saved.
    :param importer: by which to read what isn't segzoo's own; the first that recognises it if None.
    :param arguments: what a bare file of weights doesn't say, for the importer.
    :returns: the model, in eval mode, on the default device, its `preprocessing` and `labels` set.
    :raises CheckpointError: when it can't be read, doesn't fit, or computes something else than it did.
    :raises PluginError: when the plugin of one of its parts is missing; the message says how to get it.
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
            f"revision={revision!r} is of a hub's model, and {str(path_or_id)!r} is here, on this machine"
        )
    config = find_config(path) if importer is None and not arguments else None
    if config is None:
        if verify:
            raise OptionError(f"verify=True is for what segzoo saved; {str(path_or_id)!r} is not")
        return bring_in(path, classes, importer, arguments)
    if verify and classes is not None:
        raise OptionError("verify=True needs the saved classes: leave classes out")
    model = restoring.restore(path, config, classes)
    if verify:
        restoring.verify(model, config)
    return model


def _local(path_or_id: str | PathLike[str]) -> Path | None:
    """Where it is on this machine; None for a hub id.

    :raises CheckpointError: when it is neither.
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
