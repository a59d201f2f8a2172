"""What mmsegmentation's architectures share: a backbone, the classifier, an auxiliary head."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

import segzoo
from segzoo_mmseg.backbones import find_backbone

CONV: segzoo.Table = {"conv": "conv", "bn": "norm"}
"""Of a convolution with its norm."""
SEPARABLE: segzoo.Table = {
    **segzoo.under("depthwise_conv", "depthwise", CONV),
    **segzoo.under("pointwise_conv", "pointwise", CONV),
}
"""Of a depthwise and a pointwise one."""
AUXILIARY: segzoo.Table = {
    **segzoo.under("auxiliary_head.convs.0", "auxiliary.4.block", CONV),
    "auxiliary_head.conv_seg": "auxiliary.4.classifiers.logits.conv",
}
AUXILIARY_WIDTH = 256
DROPOUT = 0.1
DILATED = 8
"""The largest stride of published models that don't take a pyramid, the `d8` in their names."""


class MMSegArchitecture(segzoo.Architecture):
    """One of them, seen by the names and shapes of its weights, with mmsegmentation's published settings.

    :cvar decoder: segzoo's name of it.
    :cvar marks: weights that it has, of which others lack one.
    :cvar takes_pyramid: whether published models leave the backbone undilated.
    :cvar classifier: the layer whose outputs are the classes.
    :cvar of_training: layers of the decode head that its training loss alone needs, and what they are.
    """

    decoder: ClassVar[str]
    marks: ClassVar[tuple[str, ...]]
    takes_pyramid: ClassVar[bool] = False
    classifier: ClassVar[str] = "conv_seg"
    of_training: ClassVar[Mapping[str, str]] = {}

    def options(self, weights: Mapping[str, Tensor]) -> dict[str, Any]:
        """The decoder's."""
        raise NotImplementedError

    def decoder_names(self, weights: Mapping[str, Tensor]) -> segzoo.Table:
        """Of its weights, within `decode_head` and `decoder`."""
        raise NotImplementedError

    def recognises(self, checkpoint: segzoo.Checkpoint) -> bool:
        return self.fits(checkpoint.weights)

    def fits(self, weights: Mapping[str, Tensor]) -> bool:
        """Whether these are weights of it."""
        return all(f"decode_head.{mark}" in weights for mark in self.marks)

    def classes(self, weights: Mapping[str, Tensor]) -> int:
        """How many there are."""
        return weights[f"decode_head.{self.classifier}.weight"].shape[0]

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        weights, given = checkpoint.weights, checkpoint.arguments
        options = self.options(weights)
        backbone = find_backbone(weights)
        if not self.takes_pyramid:
            options["output_stride"] = DILATED if backbone.dilates else None
        auxiliary = has_auxiliary(weights) and not auxiliary_differs(weights)
        return {
            "encoder": backbone.encoder,
            "decoder": self.decoder,
            "classes": self.classes(weights),
            "in_channels": backbone.in_channels,
            "encoder_options": {**backbone.options, **given.get("encoder_options", {})},
            "decoder_options": {**options, **given.get("decoder_options", {})},
            "auxiliary": (4,) if auxiliary else (),
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        return {
            **find_backbone(checkpoint.weights).names,
            "decode_head.conv_seg": "head.classifiers.logits.conv",
            **segzoo.under("decode_head", "decoder", self.decoder_names(checkpoint.weights)),
            **{f"decode_head.{layer}": None for layer in self.of_training},
            **({"auxiliary_head": None} if auxiliary_differs(checkpoint.weights) else AUXILIARY),
        }

    def preprocessing(self, checkpoint: segzoo.Checkpoint) -> segzoo.Preprocessing:
        return segzoo.Preprocessing().for_channels(find_backbone(checkpoint.weights).in_channels)

    def labels(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, segzoo.Labels]:
        return labels_of(glance(checkpoint).get("meta"), self.classes(checkpoint.weights))

    def losses(self, checkpoint: segzoo.Checkpoint) -> Sequence[str]:
        weights = checkpoint.weights
        reason = auxiliary_differs(weights) if has_auxiliary(weights) else ""
        left_out = [f"the auxiliary head was left out: {reason}"] if reason else []
        left_out += [
            f"{what} was left out: its training loss alone needs it"
            for layer, what in self.of_training.items()
            if f"decode_head.{layer}.weight" in weights
        ]
        return tuple(f"{each}; predictions don't depend on it" for each in left_out)


def width(weights: Mapping[str, Tensor], layer: str) -> int:
    """Channels that a convolution of the decode head gives."""
    return weights[f"decode_head.{layer}.conv.weight"].shape[0]


def moved_last(path: str, count: int) -> segzoo.Renamed:
    """What mmsegmentation puts first among joined maps, segzoo puts last.

    :param count: channels of it.
    """
    return segzoo.change(path, lambda weight: torch.cat([weight[:, count:], weight[:, :count]], dim=1))


def has_auxiliary(weights: Mapping[str, Tensor]) -> bool:
    """Whether there is an auxiliary head."""
    return any(name.startswith("auxiliary_head.") for name in weights)


def auxiliary_differs(weights: Mapping[str, Tensor]) -> str:
    """What sets an auxiliary head apart from segzoo's; empty if nothing does."""
    first = weights.get("auxiliary_head.convs.0.conv.weight")
    if first is None:
        return "it is no FCN head, or there are several"
    if any(name.startswith(("auxiliary_head.convs.1.", "auxiliary_head.conv_cat.")) for name in weights):
        return "it has several convolutions, and segzoo's has one"
    if first.shape[0] != AUXILIARY_WIDTH or first.shape[-1] != 3:
        return f"segzoo's is one 3x3 convolution to {AUXILIARY_WIDTH} channels"
    return ""


def glance(checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
    """The checkpoint, its tensors left on disk; empty where it can't be read without unpickling more than data."""
    try:
        content = torch.load(checkpoint.path, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError):
        return {}
    return content if isinstance(content, dict) else {}


def labels_of(meta: Any, classes: int) -> Mapping[str, segzoo.Labels]:
    """Names and colours: `CLASSES` and `PALETTE` until version 0.30, `dataset_meta` since."""
    if not isinstance(meta, Mapping):
        return {}
    said = meta.get("dataset_meta") if isinstance(meta.get("dataset_meta"), Mapping) else meta
    assert isinstance(said, Mapping)
    names, palette = said.get("classes", said.get("CLASSES")), said.get("palette", said.get("PALETTE"))
    try:
        labels = segzoo.Labels(
            tuple(names) if names is not None and len(names) == classes else (),
            tuple(tuple(colour) for colour in palette) if palette is not None and len(palette) == classes else (),
        )
    except (TypeError, segzoo.OptionError):
        return {}
    return {"logits": labels} if labels.names or labels.palette else {}
