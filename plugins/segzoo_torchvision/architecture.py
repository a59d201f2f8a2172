"""What torchvision's architectures share: a backbone, a classifier of their own, perhaps an auxiliary head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import segzoo
from segzoo_torchvision.encoders import BACKBONES

CLASSIFIER = "head.classifiers.logits.conv"
AUXILIARY_STAGE = 4
RESNETS = ("resnet50", "resnet101")


class TorchvisionArchitecture(segzoo.Architecture):
    """One of them.

    :cvar decoder: segzoo's name of it.
    :cvar backbones: torchvision's names of those that it stands on.
    :cvar mark: a weight that this architecture has, and others haven't.
    :cvar classifier: the weight whose first axis is the classes.
    :cvar decoder_names: of its weights.
    """

    decoder: ClassVar[str]
    backbones: ClassVar[tuple[str, ...]]
    mark: ClassVar[str]
    classifier: ClassVar[str] = "classifier.4.weight"
    decoder_names: ClassVar[segzoo.Table]

    def backbone(self, checkpoint: segzoo.Checkpoint) -> str | None:
        """Torchvision's name of it; None if it is none that this architecture stands on."""
        weights = checkpoint.weights
        found = (name for name, each in BACKBONES.items() if all(mark in weights for mark in each.marks))
        name = next(found, None)
        return name if name in self.backbones and self.mark in weights else None

    def recognises(self, checkpoint: segzoo.Checkpoint) -> bool:
        return self.backbone(checkpoint) is not None

    def arguments(self, checkpoint: segzoo.Checkpoint) -> Mapping[str, Any]:
        backbone = self.backbone(checkpoint)
        assert backbone is not None
        return {
            "encoder": BACKBONES[backbone].encoder,
            "decoder": self.decoder,
            "decoder_options": {} if backbone in RESNETS else {"output_stride": 16},
            "classes": checkpoint.weight(self.classifier).shape[0],
            "auxiliary": (AUXILIARY_STAGE,) if self.has_auxiliary(checkpoint) and backbone in RESNETS else (),
        }

    def names(self, checkpoint: segzoo.Checkpoint) -> segzoo.Table:
        backbone = self.backbone(checkpoint)
        assert backbone is not None
        auxiliary: segzoo.Table = {"aux_classifier": None}
        if backbone in RESNETS:
            within = {"0": "block.conv", "1": "block.norm", "4": "classifiers.logits.conv"}
            auxiliary = segzoo.under("aux_classifier", f"auxiliary.{AUXILIARY_STAGE}", within)
        return {**BACKBONES[backbone].names, **self.decoder_names, **auxiliary}

    def preprocessing(self, checkpoint: segzoo.Checkpoint) -> segzoo.Preprocessing:
        return segzoo.Preprocessing()

    def losses(self, checkpoint: segzoo.Checkpoint) -> Sequence[str]:
        if self.has_auxiliary(checkpoint) and self.backbone(checkpoint) not in RESNETS:
            return ("the auxiliary head was left out: it is narrower than segzoo's; predictions don't depend on it",)
        return ()

    def has_auxiliary(self, checkpoint: segzoo.Checkpoint) -> bool:
        """Whether there is an auxiliary head."""
        return "aux_classifier.0.weight" in checkpoint.weights
