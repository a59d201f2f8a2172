"""Saves a model as a folder that `from_pretrained` loads."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from segzoo.distributions import SHIPPED
from segzoo.errors import CheckpointError, CheckpointWarning, OptionError
from segzoo.handshake.planning import Part, Plan
from segzoo.labels import Labels
from segzoo.preprocessing import Preprocessing
from segzoo.publishing import behaviour, card, config, tensors
from segzoo.publishing.card import Claims
from segzoo.publishing.config import Config, PreprocessingRecord, Statistics, parts
from segzoo.publishing.folder import replacing
from segzoo.publishing.needs import check_needs, needs, versions
from segzoo.publishing.twin import build_twin

if TYPE_CHECKING:
    from segzoo.model import SegmentationModel

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
FILES = (config.NAME, tensors.NAME, card.NAME, card.CURVE)


def save(
    model: SegmentationModel,
    folder: str | PathLike[str],
    labels: Labels | Mapping[str, Labels] | None,
    claims: Claims,
) -> None:
    """Write a model's folder; see `SegmentationModel.save_pretrained`."""
    described = _describe(model, labels)
    twin = build_twin(type(model), described)
    check_like(model, twin)
    described = replace(described, behaviour=_behaviour(model))
    text = config.write_json(described.to_dict())
    readme = card.write_card(model, described, claims)
    with replacing(folder) as new:
        tensors.write_tensors(new / tensors.NAME, model.state_dict())
        tensors.check_header(tensors.read_header(new / tensors.NAME), twin, tensors.NAME)
        (new / config.NAME).write_text(text, encoding="utf-8")
        (new / card.NAME).write_text(readme, encoding="utf-8")
        if claims.curve:
            shutil.copyfile(claims.curve, new / card.CURVE)
        shutil.copymode(new / card.NAME, new / tensors.NAME)  # safetensors may let only the owner read it


def check_like(model: nn.Module, twin: nn.Module) -> None:
    """Refuse a model that isn't what its plugins build.

    :param twin: what they build.
    :raises CheckpointError: naming the modules and weights that differ.
    """
    own, built = dict(model.named_modules()), dict(twin.named_modules())
    changed = [
        f"{name or 'the model'} ({type(module).__name__})"
        for name, module in own.items()
        if name not in built or not _alike(module, built[name])
    ]
    changed += [f"{name} (gone)" for name in built if name not in own]
    shapes, expected = ({name: tensor.shape for name, tensor in each.state_dict().items()} for each in (model, twin))
    changed += sorted(name for name in shapes.keys() | expected.keys() if shapes.get(name) != expected.get(name))
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        raise CheckpointError(
            f"the model isn't what its plugins build, so it couldn't be loaded: {', '.join(changed[:5])}{more}. "
            "Put the change into a decoder of your own, made a plugin by `segzoo new decoder NAME`, and build with that"
        )


def _alike(one: nn.Module, other: nn.Module) -> bool:
    """Whether two modules are of one type. Batch norms are alike whether or not they are synchronised."""
    return type(one) is type(other) or (isinstance(one, BATCH_NORMS) and isinstance(other, BATCH_NORMS))


def _describe(model: SegmentationModel, labels: Labels | Mapping[str, Labels] | None) -> Config:
    """The config without the behaviour, checked as loading will check it.

    :raises CheckpointError: for a model that couldn't be loaded.
    :raises OptionError: for labels that don't fit its heads.
    """
    if any(not isinstance(each, Tensor) or each.is_meta for each in model.state_dict().values()):
        raise CheckpointError("the model's weights aren't tensors on a device: build it on a device other than meta")
    for kind, part in parts(model.plan):
        _check_provided(kind, part)
    if not isinstance(model.preprocessing, Preprocessing):
        raise CheckpointError(f"model.preprocessing is a segzoo.Preprocessing, got {model.preprocessing!r}")
    given = _by_head(model, labels)
    plain = {
        "library_name": config.LIBRARY,
        "format_version": config.FORMAT,
        "arguments": model.config,
        "heads": {
            name: {"classes": count, **asdict(given.get(name, Labels()))}
            for name, count in model.head.classes.heads.items()
        },
        "preprocessing": asdict(PreprocessingRecord.of(model.preprocessing)),
        "plan": _of_today(model.plan).to_dict(),
        "versions": versions({SHIPPED, *(part.distribution or "" for _, part in parts(model.plan))} - {""}),
    }
    return config.parse_config(json.loads(config.write_json(plain)))


def _check_provided(kind: str, part: Part) -> None:
    if part.distribution is None:
        raise CheckpointError(
            f"{kind} {part.id} was given as a class or module, which no plugin provides, so the model couldn't be "
            f"loaded. Make it a plugin (`segzoo new {kind} NAME` writes the files), or segzoo.register it for your own "
            "use; then build the model with its name"
        )


def _by_head(model: SegmentationModel, labels: Labels | Mapping[str, Labels] | None) -> Mapping[str, Labels]:
    heads = model.head.classes.heads
    if isinstance(labels, Labels):
        labels = dict.fromkeys(heads, labels)
    elif labels is None:
        labels = model.labels
    if not isinstance(labels, Mapping) or not all(isinstance(each, Labels) for each in labels.values()):
        raise OptionError(f"labels are segzoo.Labels(...), for several heads by name, got {labels!r}")
    if unknown := labels.keys() - heads.keys():
        raise OptionError(f"labels are for heads {', '.join(heads)}; got some for {', '.join(map(repr, unknown))}")
    for name, each in labels.items():
        each.check(name, heads[name])
    return labels


def _of_today(plan: Plan) -> Plan:
    """The plan with the versions that are installed now."""
    check_needs(plan)
    now = {need.kind: need.now for need in needs(plan)}
    today: dict[str, Any] = {kind: replace(part, version=now[kind]) for kind, part in parts(plan)}
    return replace(plan, **today)


def _behaviour(model: SegmentationModel) -> dict[str, Statistics] | None:
    try:
        return behaviour.measure(model)
    except Exception as error:
        warnings.warn(
            f"saved without a record of the model's behaviour, since it doesn't run on the CPU in float32: "
            f"{type(error).__name__}: {error}",
            CheckpointWarning,
            stacklevel=4,
        )
        return None
