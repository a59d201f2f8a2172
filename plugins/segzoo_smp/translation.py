"""One of SMP's models in segzoo's terms, from the arguments of SMP's constructor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import segzoo
from segzoo_smp.architecture import Architecture
from segzoo_smp.architectures import ARCHITECTURES
from segzoo_smp.encoders import INCEPTION, SameEncoder, find_encoder

COMMON: Mapping[str, Any] = {
    "encoder_name": "resnet34",
    "encoder_weights": None,  # of no matter but for the preprocessing
    "in_channels": 3,
    "classes": 1,
    "activation": None,
    "aux_params": None,
}
"""The arguments that all of SMP's constructors have, and their defaults."""
FORMER = {
    "decoder_use_batchnorm": "decoder_use_norm",
    "psp_use_batchnorm": "decoder_use_norm",
    "upscale_mode": "decoder_interpolation",
}
"""What arguments were called in earlier versions."""
ARCHITECTURE = ("_model_class", "architecture", "arch")  # in SMP's folders, in a user's words, for SMP's `create_model`
PREPROCESSING: Mapping[str, Any] = {"mean": (0.5,), "std": (0.5,), "input_range": (0, 1), "input_space": "RGB"}
"""What SMP's `get_preprocessing_params` gives, by examples."""
ROOTS = ("encoder", "decoder", "segmentation_head", "classification_head")
"""The first components of SMP's names."""


@dataclass(frozen=True)
class Translation:
    """One of SMP's models in segzoo's terms.

    :param arguments: for `segzoo.create_model`.
    :param shapes: of the model's weights.
    :param tables: SMP's names of the weights, and segzoo's; read one after the other.
    :param spare: segzoo's names, by the tables, of weights that SMP holds and never computes with.
    :param preprocessing: what the model was trained on; None for what segzoo's encoder says.
    :param notes: where logits differ all the same.
    :param losses: what is left out.
    """

    arguments: Mapping[str, Any]
    shapes: Mapping[str, torch.Size]
    tables: tuple[segzoo.Table, ...]
    spare: frozenset[str]
    preprocessing: segzoo.Preprocessing | None
    notes: tuple[str, ...]
    losses: tuple[str, ...]

    def rename(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """SMP's weights by segzoo's names, without those that SMP never computes with; all others are kept."""
        renamed = segzoo.unwrap_weights(weights, ROOTS)
        for table in self.tables:
            renamed = segzoo.rename_weights(renamed, table)
        return {name: weight for name, weight in renamed.items() if name in self.shapes or name not in self.spare}


def translate(stated: Mapping[str, Any]) -> Translation:
    """Translate what is stated of one of SMP's models.

    :param stated: the constructor's arguments, and the architecture's name.
    :raises CheckpointError: for what can't be imported.
    """
    name, architecture = _find(architecture_name(stated))
    given, further = _complete(name, architecture, stated)
    decoder_options = architecture.options(given)
    output_stride = architecture.output_stride(given)
    encoder = find_encoder(given["encoder_name"], given["encoder_depth"], output_stride, further)
    arguments = {
        "encoder": encoder.name,
        "decoder": architecture.decoder,
        "classes": given["classes"],
        "in_channels": given["in_channels"],
        "depth": architecture.encoder_depth(given),
        "img_size": encoder.img_size,
        "neck": None,
        "encoder_options": dict(encoder.options),
        "decoder_options": decoder_options,
    }
    try:
        with torch.device("meta"):
            twin = segzoo.create_model(**arguments)
    except segzoo.SegzooError as error:
        raise segzoo.CheckpointError(f"SMP's {name} with {given['encoder_name']} can't be imported: {error}") from error
    if 2 ** given["encoder_depth"] > output_stride != twin.plan.request.output_stride:
        raise segzoo.CheckpointError(
            f"SMP's {name} with {given['encoder_name']} can't be imported with encoder_output_stride="
            f"{output_stride}: {'; '.join(twin.plan.refusals)}"
        )
    architecture.check(given, twin.plan)
    encoder_names = encoder.weight_names()
    return Translation(
        arguments,
        {key: weight.shape for key, weight in twin.state_dict().items()},
        (
            {**encoder_names.before, "": ""},
            {**architecture.names(given, twin.plan), **encoder_names.table, "classification_head": None},
        ),
        encoder_names.spare,
        _preprocessing(given, stated, encoder),
        tuple(architecture.notes(twin.plan)),
        tuple(_losses(architecture, given)),
    )


def architecture_name(stated: Mapping[str, Any]) -> Any:
    """What is stated of the architecture, None for nothing."""
    return next((stated[key] for key in reversed(ARCHITECTURE) if key in stated), None)


BY_LOWER_CASE: Mapping[str, str] = {name.lower(): name for name in ARCHITECTURES}


def _find(name: Any) -> tuple[str, Architecture]:
    known = BY_LOWER_CASE.get(name.lower()) if isinstance(name, str) else None
    if known is None:
        raise segzoo.CheckpointError(
            f"SMP's architecture {name!r} can't be imported; segzoo knows {', '.join(ARCHITECTURES)}"
        )
    return known, ARCHITECTURES[known]


def _complete(
    name: str, architecture: Architecture, stated: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The constructor's arguments with SMP's defaults, and those that it hands on to the encoder.

    :raises CheckpointError: for an argument of the wrong type.
    """
    defaults = {**COMMON, "encoder_depth": architecture.depth, **architecture.defaults}
    given = {
        key: value
        for key, value in stated.items()
        if key not in (*ARCHITECTURE, *PREPROCESSING) and not key.startswith("_")
    }
    for former, key in FORMER.items():
        if key in defaults and (value := given.pop(former, None)) is not None:
            given[key] = value  # whatever else is said, as SMP has it
    for key, example in PREPROCESSING.items():
        if not _is_like(stated.get(key, example), example):
            raise segzoo.CheckpointError(f"{key}={stated[key]!r} can't be imported: expected such as {example!r}")
    for key in given.keys() & defaults.keys():
        if not _is_like(given[key], defaults[key]) and key != "decoder_use_norm":
            raise segzoo.CheckpointError(f"SMP's {name} has {key}={defaults[key]!r} by default, got {given[key]!r}")
    if given.get("encoder_depth", architecture.depth) not in architecture.depths:
        raise segzoo.CheckpointError(
            f"encoder_depth={given['encoder_depth']} can't be imported: segzoo's encoders give SMP's {name} "
            f"{architecture.depths[0]} to {architecture.depths[-1]} maps"
        )
    further = {key: given[key] for key in given.keys() - defaults.keys()}
    return {**defaults, **{key: given[key] for key in given.keys() & defaults.keys()}}, further


def _is_like(value: Any, default: Any) -> bool:
    """Whether a value is of its default's type; where that is None, the value says nothing."""
    if default is None or isinstance(default, bool):
        return default is None or isinstance(value, bool)
    if isinstance(default, tuple):
        return isinstance(value, list | tuple) and all(_is_like(each, default[0]) for each in value)
    if isinstance(default, int | float):
        return isinstance(value, int if isinstance(default, int) else int | float) and not isinstance(value, bool)
    return isinstance(value, type(default))


def _preprocessing(
    given: Mapping[str, Any], stated: Mapping[str, Any], encoder: SameEncoder
) -> segzoo.Preprocessing | None:
    """As stated, else that of the weights that the encoder began from."""
    if stated.get("input_space", "RGB") != "RGB":
        raise segzoo.CheckpointError(
            f"input_space={stated['input_space']!r} can't be imported: segzoo's pictures are RGB"
        )
    if "mean" in stated and "std" in stated:
        largest = max(stated.get("input_range", (1,)), default=1) or 1
        preprocessing = segzoo.Preprocessing(
            tuple(mean / largest for mean in stated["mean"]), tuple(std / largest for std in stated["std"])
        )
    elif given["encoder_weights"] == "advprop":
        preprocessing = INCEPTION
    elif encoder.preprocessing is None:
        return None
    else:
        preprocessing = encoder.preprocessing
    return preprocessing.for_channels(given["in_channels"])


def _losses(architecture: Architecture, given: Mapping[str, Any]) -> list[str]:
    losses = []
    if given["activation"] not in (None, "identity"):
        losses.append(f"the activation {given['activation']!r} is left out: the model returns logits")
    if given["aux_params"] is not None:
        losses.append("the classification head (aux_params) is left out: the model segments")
    upsampling = given.get("upsampling")
    if isinstance(upsampling, int) and max(1, upsampling) != architecture.magnification(given):
        losses.append(
            f"upsampling={upsampling} is left out: the logits have the image's size, and SMP's were "
            f"{max(1, upsampling) / architecture.magnification(given):g} as high and wide"
        )
    return losses
