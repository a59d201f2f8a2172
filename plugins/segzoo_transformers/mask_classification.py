"""What transformers' architectures of queries share: the backbone, and weights that are shaped otherwise here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from torch import Tensor

import segzoo
from segzoo_transformers.architecture import TransformersArchitecture, expect
from segzoo_transformers.resnet import resnet_arguments, resnet_names
from segzoo_transformers.swin import swin_arguments, swin_names

BACKBONE = "model.pixel_level_module.encoder"
STAGES = ["stage1", "stage2", "stage3", "stage4"]
READERS: Mapping[str, tuple[Callable[[Mapping[str, Any]], Mapping[str, Any]], Callable[[str], segzoo.Table]]] = {
    "swin": (swin_arguments, swin_names),
    "maskformer-swin": (swin_arguments, swin_names),
    "resnet": (resnet_arguments, resnet_names),
}
ATTENTION: segzoo.Table = {
    "q_proj": "query",
    "k_proj": "key",
    "v_proj": "value",
    "out_proj": "output",
    "o_proj": "output",
}
"""Of an attention, whose last layer had another name in earlier versions."""
MASK_MLP: segzoo.Table = {"0.0": "0", "1.0": "2", "2.0": "4"}
"""Of the three layers that make masks of queries."""


class MaskClassification(TransformersArchitecture):
    """An architecture whose classifier has one class more, "no object"."""

    classifier: ClassVar[str] = "class_predictor.weight"

    def classes(self, checkpoint: segzoo.Checkpoint) -> int:
        return super().classes(checkpoint) - 1

    def encoder_arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        """Of `create_model`, those that make the backbone.

        :raises CheckpointError: when segzoo has none that is the same.
        """
        kind, inner = self._backbone(checkpoint)
        return READERS[kind][0](inner)

    def encoder_names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        """Of the backbone's weights."""
        return READERS[self._backbone(checkpoint)[0]][1](BACKBONE)

    def _backbone(self, checkpoint: segzoo.Checkpoint) -> tuple[str, Mapping[str, Any]]:
        inner = checkpoint.config.get("backbone_config")
        kind = inner.get("model_type") if isinstance(inner, Mapping) else checkpoint.config.get("backbone")
        if not isinstance(inner, Mapping) or kind not in READERS:
            raise segzoo.CheckpointError(
                f"this {self.name} can't be imported: its backbone is {kind!r}, and segzoo reads those on "
                f"{', '.join(READERS)}"
            )
        expect("backbone", {"out_features": STAGES, **inner}, out_features=STAGES)
        return str(kind), inner


def as_tokens(weight: Tensor) -> Tensor:
    """Embeddings (Q, D) as tokens of one image, (1, Q, D)."""
    return weight[None]


def as_maps(weight: Tensor) -> Tensor:
    """Embeddings (L, D) as maps of one pixel, (L, D, 1, 1)."""
    return weight[:, :, None, None]
