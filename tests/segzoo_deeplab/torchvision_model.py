"""torchvision's segmentation models as peers."""

from __future__ import annotations

from torch import Tensor, nn


class Out(nn.Module):
    """Of the dict that torchvision's models return, the logits."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor:
        return self.model(image)["out"]


BACKBONE = [(r"^backbone\.", "encoder.body.")]
"""Their ResNets name their layers as timm does."""
