"""The pixel decoder of MaskFormer, arXiv:2107.06278, section 4.1: a feature pyramid, arXiv:1612.03144.

B         batch
C_i       channels of map i, fine to coarse
D         channels of each level, and of the result
H_i, W_i  size of map i, and of level i
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from segzoo.nn import ConvNormAct, resize


class PixelDecoder(nn.Module):
    """From the deepest map to the finest, each level added to the next: (B, C_i, H_i, W_i) each to (B, D, H_0, W_0).

    :param channels: of the maps, fine to coarse.
    :param width: a multiple of 32.
    """

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        *finer, deepest = channels
        self.stem = ConvNormAct(deepest, width, norm="groupnorm")
        self.laterals = nn.ModuleList(
            ConvNormAct(each, width, kernel=1, norm="groupnorm", act=None) for each in reversed(finer)
        )
        self.smooth = nn.ModuleList(ConvNormAct(width, width, norm="groupnorm") for _ in finer)
        self.pixels = nn.Conv2d(width, width, 3, padding=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, a=1)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        *finer, deepest = features
        level = self.stem(deepest)
        for lateral, smooth, feature in zip(self.laterals, self.smooth, reversed(finer), strict=True):
            left = lateral(feature)
            level = smooth(left + resize(level, left.shape[-2:], mode="nearest"))
        return self.pixels(level)
