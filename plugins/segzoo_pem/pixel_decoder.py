"""The pixel decoder of PEM, arXiv:2402.19422: a feature pyramid with context and deformable convolutions.

B         batch
C_i       channels of map i, fine to coarse
C, D      channels of the pyramid, of what masks are made of
h, w      size of a map
h_l, w_l  size of level l, coarse to fine
H, W      size of the finest map
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from segzoo.nn import MLP, BatchNorm2d, ConvNormAct, he_initialise, resize
from segzoo_pem.deformable_conv import DeformableConv


class PixelDecoder(nn.Module):
    """Each map reduced to one width and weighed by its own context, then summed from the deepest up.

    :param channels: of the maps, fine to coarse.
    :param width: of the pyramid.
    :param out: channels of what masks are made of.
    """

    def __init__(self, channels: Sequence[int], width: int, out: int) -> None:
        super().__init__()
        *finer, deepest = channels
        self.laterals = nn.ModuleList(ConvNormAct(each, width, kernel=1) for each in channels)
        self.image = ConvNormAct(deepest, width, kernel=1)
        self.modulate = nn.ModuleList(SelfModulation(width) for _ in channels)
        self.grow = nn.ModuleList(Grow(width) for _ in finer)
        self.pixels = nn.Conv2d(width, out, 1)
        for part in (self.laterals, self.image, self.pixels):
            part.apply(he_initialise)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """Decode.

        :param features: the maps, fine to coarse.
        :returns: the levels but for the finest, (B, C, h_l, w_l), coarse to fine (of a single map, that one), and what
            masks are made of, (B, D, H, W).
        """
        laterals = [lateral(each) for lateral, each in zip(self.laterals, features, strict=True)]
        laterals[-1] = laterals[-1] + self.image(features[-1].mean(dim=(-2, -1), keepdim=True))
        *finer, level = [modulate(each) for modulate, each in zip(self.modulate, laterals, strict=True)]
        levels = [level]
        for grow, lateral in zip(self.grow, reversed(finer), strict=True):
            levels.append(lateral + resize(grow(levels[-1]), lateral.shape[-2:]))
        return levels[:-1] or levels, self.pixels(levels[-1])


class SelfModulation(nn.Module):
    """Channels weighed by the map's own mean: (B, C, h, w) to the same."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = MLP(width, max(1, width // 2), width, layers=2)

    def forward(self, features: Tensor) -> Tensor:
        context = self.mlp(features.mean(dim=(-2, -1)))
        gate = context.sigmoid().sigmoid()  # twice, as what is published was trained
        return features + features * gate[..., None, None]


class Grow(nn.Sequential):
    """A deformable convolution, then twice the size: (B, C, h, w) to (B, C, 2h, 2w)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.deform = DeformableConv(width, width)
        self.deform_norm = BatchNorm2d(width)
        self.deform_act = nn.ReLU(inplace=True)
        self.upsample = nn.ConvTranspose2d(width, width, kernel_size=4, stride=2, padding=1, bias=False)
        self.norm = BatchNorm2d(width)
        self.act = nn.ReLU(inplace=True)
