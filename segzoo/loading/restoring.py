"""Restores a model that segzoo saved: follows its plan with the plugins that are installed today."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from segzoo.errors import CheckpointError, CheckpointWarning, OptionError, PluginError
from segzoo.handshake.agreement import Agreement
from segzoo.handshake.planning import Plan
from segzoo.head import Classes
from segzoo.labels import Labels
from segzoo.model import SegmentationModel
from segzoo.publishing import behaviour, tensors
from segzoo.publishing.config import Config
from segzoo.publishing.needs import changed_versions, check_needs, needs
from segzoo.publishing.twin import bounded, build_twin, classes_of
from segzoo.weights import read_weights

MOST_REGISTERED = 10_000
MOST_PER_TENSOR = 10
"""How many modules and parameters a model may register, and how many more for each tensor of its file. The largest
encoders register 7,000, and drop most of them when they are built at a small depth."""


def restore(folder: Path, config: Config, classes: int | Mapping[str, int] | None = None) -> SegmentationModel:
    """The model of a folder, in eval mode.

    :param config: the folder's.
    :param classes: another number of classes than was saved; for named heads, by name.
    :raises PluginError: when a part's plugin is missing.
    :raises CheckpointError: for a damaged folder, or when the plugins build something else today.
    :raises OptionError: for classes that the model's heads can't have.
    """
    file = folder / tensors.NAME
    header = tensors.read_header(file)
    saved = classes_of(config)
    counts = other_classes(saved, classes)
    check_needs(config.plan)
    with _blaming_plugins(config.plan):
        with bounded(MOST_REGISTERED + MOST_PER_TENSOR * len(header)):
            twin = build_twin(SegmentationModel, config)
        tensors.check_header(header, twin, str(file))
        renewed = class_tensors(lambda heads: SegmentationModel.of(Agreement.of(config.plan), heads), saved, counts)
        model = SegmentationModel.of(Agreement.of(config.plan), counts)
        tensors.adopt_types(model, header)
        tensors.fill(model, read_weights(file), renewed)
    _describe(model, config, counts)
    report_renewed(renewed)
    return model.eval()


def other_classes(saved: Classes, classes: int | Mapping[str, int] | None) -> Classes:
    """The heads that the user asks for.

    :param classes: a number, or for named heads some of them by name.
    :raises OptionError: when the model has no such heads.
    """
    if classes is None:
        return saved
    if isinstance(classes, Mapping) != saved.named or (isinstance(classes, Mapping) and classes.keys() - saved.heads):
        heads = f"named heads, {', '.join(saved.heads)}: classes={{name: N}}" if saved.named else "one head: classes=N"
        raise OptionError(f"the model has {heads}; got classes={classes!r}")
    if isinstance(classes, Mapping):
        return Classes.of(None, {**saved.heads, **classes})
    return Classes.of(classes, None)


def class_tensors(create: Callable[[Classes], SegmentationModel], saved: Classes, counts: Classes) -> set[str]:
    """The names of the weights that depend on a number of classes that changes.

    :param create: makes the model for given heads.
    """
    dependent: set[str] = set()
    for name, count in saved.heads.items():
        if counts.heads[name] != count:
            one_more = Classes({**saved.heads, name: count + 1}, saved.named)
            with torch.device("meta"):
                before, after = (create(each).state_dict() for each in (saved, one_more))
            dependent |= {key for key in before if before[key].shape != after[key].shape}
    return dependent


def report_renewed(names: set[str]) -> None:
    """Warn that weights are initialised anew."""
    if names:
        warnings.warn(
            f"the number of classes differs from what was saved: {', '.join(sorted(names))} are initialised anew; "
            "train them before use",
            CheckpointWarning,
            stacklevel=4,
        )


def check_behaviour(model: SegmentationModel, config: Config) -> list[behaviour.Difference]:
    """The differences between what the model computes here and what it computed where it was saved.

    :raises CheckpointError: when the folder has no record of that.
    """
    if config.behaviour is None:
        raise CheckpointError("the folder has no record of the model's behaviour to verify it against; save it again")
    with _blaming_plugins(config.plan):
        return behaviour.compare(config.behaviour, behaviour.measure(model))


def verify(model: SegmentationModel, config: Config) -> None:
    """Refuse a model that computes something else here than where it was saved.

    :raises CheckpointError: naming what differs, and the versions that differ.
    """
    if differences := check_behaviour(model, config):
        versions = "; ".join(changed_versions(config)) or "none that were recorded"
        raise CheckpointError(
            f"the model doesn't compute here what it computed where it was saved:\n{behaviour.table(differences)}\n"
            f"versions that differ: {versions}"
        )


def _describe(model: SegmentationModel, config: Config, counts: Classes) -> None:
    """Give a restored model its preprocessing, labels, arguments and plan."""
    model.preprocessing = config.preprocessing.preprocessing
    model.labels = {
        name: head.labels
        for name, head in config.heads.items()
        if counts.heads[name] == head.classes and head.labels != Labels()
    }
    model.config = replace(
        config.arguments,
        classes=None if counts.named else counts.total,
        heads=dict(counts.heads) if counts.named else None,
    ).to_dict()
    decoder = replace(config.plan.decoder, parameters=sum(each.numel() for each in model.decoder.parameters()))
    model.plan = replace(config.plan, decoder=decoder)


@contextmanager
def _blaming_plugins(plan: Plan) -> Iterator[None]:
    """A block in which a plugin's error becomes a CheckpointError that names the versions then and now."""
    try:
        yield
    except PluginError:
        raise
    except Exception as error:
        said = str(error) if isinstance(error, CheckpointError) else f"{type(error).__name__}: {error}"
        parts = ", ".join(map(str, needs(plan)))
        raise CheckpointError(f"the model can't be built as it was saved: {said}. Its parts: {parts}") from error
