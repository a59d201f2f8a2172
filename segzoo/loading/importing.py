"""Somebody else's checkpoint, imported by a plugin."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from segzoo.creation import create_model
from segzoo.errors import CheckpointError, CheckpointWarning, OptionError, PluginError, SegzooError
from segzoo.head import Classes
from segzoo.host import registry
from segzoo.host.descriptors import ImporterSpec
from segzoo.host.discovery import PluginWarning
from segzoo.host.registry import Provided
from segzoo.importer import Checkpoint, Imported, Importer
from segzoo.labels import Labels
from segzoo.loading.restoring import class_tensors, other_classes, report_renewed
from segzoo.model import SegmentationModel
from segzoo.publishing import tensors


def import_checkpoint(
    path: Path,
    classes: int | Mapping[str, int] | None = None,
    importer: str | None = None,
    arguments: Mapping[str, Any] | None = None,
) -> SegmentationModel:
    """The model that an importer makes of a folder or file, in eval mode.

    :param importer: by name; the first that recognises it if None.
    :param arguments: what a bare file doesn't say; `prefix` among them is what its training program put before the
        names of the weights, if that isn't found by itself.
    :raises CheckpointError: when no importer takes it, or its weights don't fit.
    """
    given = dict(arguments or {})
    checkpoint = Checkpoint(path, given, prefix=str(given.pop("prefix", "")))
    provided = registry.find_importer(importer) if importer else _recognising(checkpoint)
    with _blaming(provided, path):
        imported = _load(provided).read(checkpoint)
        if not isinstance(imported, Imported):
            raise TypeError(f"it returned {type(imported).__name__}, expected segzoo.Imported")
        with torch.device("meta"):
            twin = _create(imported)
        saved = twin.head.classes
        expected = {name: tuple(tensor.shape) for name, tensor in twin.state_dict().items()}
        tensors.check_shapes({name: tuple(each.shape) for name, each in imported.weights.items()}, expected, str(path))
        _check_labels(imported.labels, saved)
    counts = other_classes(saved, classes)
    renewed = class_tensors(lambda heads: _create(imported, heads), saved, counts)
    model = _create(imported, counts)
    tensors.fill(model, imported.weights, renewed)
    model.preprocessing = imported.preprocessing or model.preprocessing
    model.labels = {name: each for name, each in imported.labels.items() if counts.heads[name] == saved.heads[name]}
    model.plan = replace(model.plan, notes=(*model.plan.notes, *imported.notes, *imported.losses))
    for loss in imported.losses:
        warnings.warn(f"{str(path)!r}: {loss}", CheckpointWarning, stacklevel=3)
    report_renewed(renewed)
    return model.eval()


def _recognising(checkpoint: Checkpoint) -> Provided[ImporterSpec]:
    for provided in registry.importers():
        try:
            if _load(provided).recognises(checkpoint):
                return provided
        except Exception as error:
            said = str(error) if isinstance(error, SegzooError) else f"{type(error).__name__}: {error}"
            warnings.warn(f"importer {provided.id} {provided.version} failed: {said}", PluginWarning, stacklevel=5)
    known = ", ".join(provided.name for provided in registry.importers()) or "none is installed"
    raise CheckpointError(
        f"{str(checkpoint.path)!r} isn't segzoo's own, and no importer recognises it ({known}); for a file of "
        "weights, say what model it is of: importer=NAME and arguments={...}"
    )


def _load(provided: Provided[ImporterSpec]) -> Importer:
    kind = provided.load()
    if not (isinstance(kind, type) and issubclass(kind, Importer)):
        raise PluginError(f"importer {provided.id} {provided.version} is no segzoo.Importer, but {kind!r}")
    return kind()


def _create(imported: Imported, heads: Classes | None = None) -> SegmentationModel:
    """The model that was imported, perhaps with other numbers of classes, without its weights."""
    arguments = {**imported.arguments, "pretrained": False}
    if heads is not None:
        arguments |= {"classes": None, "heads": dict(heads.heads)} if heads.named else {"classes": heads.total}
    model = create_model(**arguments)
    model.from_published = None  # what the checkpoint was trained from it doesn't say
    return model


def _check_labels(labels: Mapping[str, Labels], heads: Classes) -> None:
    for name, each in labels.items():
        try:
            each.check(name, heads.heads[name])
        except OptionError as error:
            raise CheckpointError(str(error)) from error


@contextmanager
def _blaming(provided: Provided[ImporterSpec], path: Path) -> Iterator[None]:
    """Whatever an importer raises, as an error that names it."""
    try:
        yield
    except SegzooError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"importer {provided.id} {provided.version} failed on {str(path)!r}: {type(error).__name__}: {error}"
        ) from error
