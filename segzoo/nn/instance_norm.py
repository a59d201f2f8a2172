"""Instance norm that takes a map of a single pixel."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class InstanceNorm2d(nn.InstanceNorm2d):
    """Each channel of each image normalised by its own pixels, arXiv:1607.08022; torch's with `affine=True` by default.

    Torch's raises for a map of one pixel, in eval mode too, and ties an exported graph to maps of more than one. Such a
    pixel is its own mean: the norm leaves nothing of it but the shift.

    :param affine: whether it has scale and shift.
    """

    def __init__(self, channels: int, affine: bool = True) -> None:
        super().__init__(channels, affine=affine)

    def forward(self, features: Tensor) -> Tensor:
        pixels = features.flatten(2)
        normalised = F.layer_norm(pixels, pixels.shape[2:], eps=self.eps).view(features.shape)
        if self.weight is None:
            return normalised
        return normalised * self.weight[:, None, None] + self.bias[:, None, None]
