"""The operator: convolution over the concatenation of resized maps, which nearly every decoder is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from segzoo.nn.conv import Layer, make_act, make_norm
from segzoo.nn.resize import resize


class ConcatConv2d(nn.Conv2d):
    """`conv(cat([resize(each, size) for each in maps]))`, with the weights of the plain convolution.

    :param in_channels: of each map, in the order of concatenation; 0 for a placeholder.
    :param kernel: an odd number; the size is kept.
    :param mode: how maps of another size are resized.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        kernel: int = 1,
        *,
        bias: bool = True,
        mode: Literal["bilinear", "nearest"] = "bilinear",
        align_corners: bool = False,
    ) -> None:
        super().__init__(sum(in_channels), out_channels, kernel, padding=kernel // 2, bias=bias)
        self.split = tuple(in_channels)
        self.mode: Literal["bilinear", "nearest"] = mode
        self.align_corners = align_corners

    def forward(self, maps: Sequence[Tensor], size: Sequence[int]) -> Tensor:  # type: ignore[override]
        """Fuse.

        :param maps: (B, C_i, h_i, w_i) each.
        :param size: the common (height, width).
        :returns: (B, out_channels, height, width).
        """
        resized = [resize(each, size, self.mode, self.align_corners) for each in maps]
        return super().forward(torch.cat(resized, dim=1))


class ConcatConvNormAct(nn.Module):
    """A `ConcatConv2d`, then a norm, then an activation; see `ConvNormAct`."""

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        kernel: int = 3,
        *,
        bias: bool | None = None,
        norm: Layer = "batchnorm2d",
        act: Layer = "relu",
        mode: Literal["bilinear", "nearest"] = "bilinear",
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        bias = norm is None if bias is None else bias
        self.conv = ConcatConv2d(in_channels, out_channels, kernel, bias=bias, mode=mode, align_corners=align_corners)
        self.norm = make_norm(norm, out_channels)
        self.act = make_act(act)

    def forward(self, maps: Sequence[Tensor], size: Sequence[int]) -> Tensor:
        return self.act(self.norm(self.conv(maps, size)))
