"""One step of an expanding path, as in U-Net and its descendants."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segzoo.nn.concat import ConcatConvNormAct
from segzoo.nn.conv import ConvNormAct, Layer
from segzoo.nn.resize import Mode, resize
from segzoo.nn.squeeze_excite import SpatialChannelGate


class UpStep(nn.Module):
    """Grow a map to the size of its skips, join it with them, convolve twice.

    :param below: channels of the coarser map.
    :param skips: channels of each skip, in the order of concatenation; none, or 0 for a placeholder, is fine.
    :param width: channels of the result.
    :param mode: how the map is grown; with "bilinear" `align_corners` says whether the centres of the corner pixels
        agree.
    :param mode: how the map is resized to the skips.
    :param upsampler: what the coarser map grows by before; see `make_upsampler`.
    :param recalibrate: scSE after the joining, if there is something to join, and after the convolutions.
    """

    def __init__(
        self,
        below: int,
        skips: Sequence[int],
        width: int,
        *,
        norm: Layer = "batchnorm2d",
        mode: Mode = "nearest",
        align_corners: bool = False,
        upsampler: nn.Module | None = None,
        recalibrate: bool = False,
    ) -> None:
        super().__init__()
        self.split = [below, *skips]
        self.mode: Mode = mode
        self.align_corners = align_corners
        self.upsampler = nn.Identity() if upsampler is None else upsampler
        self.recalibrate_joined = SpatialChannelGate(sum(self.split)) if recalibrate and skips else None
        self.join = ConcatConvNormAct(self.split, width, mode=mode, align_corners=align_corners, norm=norm)
        self.refine = ConvNormAct(width, width, norm=norm)
        self.recalibrate = SpatialChannelGate(width) if recalibrate else nn.Identity()

    def forward(self, below: Tensor, skips: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        """Grow.

        :param below: (B, below, h, w).
        :param skips: (B, C_i, height, width) each.
        :param size: (height, width).
        :returns: (B, width, height, width).
        """
        below = self.upsampler(below)
        maps: Sequence[Tensor] = [below, *skips]
        if self.recalibrate_joined is not None:
            grown = resize(below, size, self.mode, self.align_corners)
            joined = torch.cat([grown, *skips], dim=1)
            maps = self.recalibrate_joined(joined).split(self.split, dim=1)
        return self.recalibrate(self.refine(self.join(maps, size)))
