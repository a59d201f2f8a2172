"""DeepLabV3 on a mobile network: arXiv:1801.04381 section 6.3 and arXiv:2110.02178 section 4.2.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import segzoo
from segzoo_transformers.architecture import TransformersArchitecture


class DeepLabV3(TransformersArchitecture):
    """On one of two encoders.

    :cvar first: the weight that reads the image, and segzoo's name of it.
    """

    classifier = "segmentation_head.classifier.convolution.weight"
    first: ClassVar[tuple[str, str]]

    def encoder(self, config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Its name, and its options but for the stride.

        :raises CheckpointError: when segzoo has none that is the same.
        """
        raise NotImplementedError

    def decoder_options(self, config: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those that not all have."""
        raise NotImplementedError

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        config = self.config(checkpoint)
        encoder, options = self.encoder(config)
        stride = config["output_stride"]
        return {
            "encoder": encoder,
            "decoder": "deeplabv3",
            "classes": self.classes(checkpoint),
            "in_channels": config["num_channels"],
            "encoder_options": {**options, **({"output_stride": stride} if stride != 32 else {})},
            "decoder_options": {
                **self.decoder_options(config),
                "head_dropout": config["classifier_dropout_prob"],
                "refine": False,
                "output_stride": None,
            },
        }

    def first_layer(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        """The name of the weight that reads the image, its channels put in the order red, green, blue."""
        theirs, ours = self.first
        return {theirs: segzoo.change(ours, lambda weight: weight.flip(1))} if is_flipped(checkpoint) else {}

    def notes(self, checkpoint: segzoo.Checkpoint) -> Sequence[str]:
        if is_flipped(checkpoint):
            return (
                "pictures are taken in the order red, green, blue; the first layer's weights were put in that order",
            )
        return ()


def is_flipped(checkpoint: segzoo.Checkpoint) -> bool:
    """Whether the model takes blue, green, red."""
    if not (checkpoint.path / "preprocessor_config.json").is_file():
        return False
    return bool(checkpoint.json("preprocessor_config.json").get("do_flip_channel_order"))
