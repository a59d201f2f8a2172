"""Instance norm that takes a map of a single pixel."""

from __future__ import annotations

from torch import Tensor, nn

from segzoo.nn.known import known


class InstanceNorm2d(nn.InstanceNorm2d):
    """Each channel of each image normalised by its own pixels, arXiv:1607.08022; torch's with `affine=True` by default.

    Torch's raises for a map of one pixel, in eval mode too, and ties an exported graph to maps of more than one: where
    there may be one pixel alone, the norm is written out. Of such a pixel, its own mean, nothing but the shift is left.

    :param affine: whether it has scale and shift.
    """

    def __init__(self, channels: int, affine: bool = True) -> None:
        super().__init__(channels, affine=affine)

    def forward(self, features: Tensor) -> Tensor:
        if known(features.shape[-2] * features.shape[-1] > 1):
            return super().forward(features)
        centred = features - features.mean(dim=(2, 3), keepdim=True)
        normalised = centred * (centred.square().mean(dim=(2, 3), keepdim=True) + self.eps).rsqrt()
        if self.weight is None:
            return normalised
        return normalised * self.weight[:, None, None] + self.bias[:, None, None]
