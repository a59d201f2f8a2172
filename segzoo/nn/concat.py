"""The operator: convolution over the concatenation of resized maps, which nearly every decoder is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from segzoo.errors import OptionError
from segzoo.nn.conv import Layer, make_act, make_norm
from segzoo.nn.resize import Mode, resize
from segzoo.nn.resized_conv import conv_of_resized

Map = Tensor | Callable[[Tensor], Tensor]
"""A map (B, C, h, w), or the linear layer that makes it: called with a weight (out, C, 1, 1), it returns the map that
this weight makes of its own, (B, out, h, w). `functools.partial(linear, features)` of a `Linear2d` is such."""


class ConcatConv2d(nn.Conv2d):
    """`conv(cat([resize(each, size) for each in maps]))`, with the weights of the plain convolution.

    Computed as the sum of a convolution per map, each in the cheapest exact way that `segzoo.nn.resized_conv` knows:
    nothing is concatenated, no resized map is kept for the backward pass, and a placeholder costs nothing.

    :param in_channels: of each map, in the order of concatenation; 0 for a placeholder.
    :param kernel: an odd number; the size is kept.
    :param mode: how maps of another size are resized.
    :raises OptionError: when there is no channel to convolve, or the kernel is even.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        kernel: int = 1,
        *,
        bias: bool = True,
        mode: Mode = "bilinear",
        align_corners: bool = False,
    ) -> None:
        if sum(in_channels) < 1 or kernel % 2 == 0:
            raise OptionError(
                f"a convolution over maps needs one channel or more and an odd kernel, got in_channels="
                f"{list(in_channels)}, kernel={kernel}"
            )
        super().__init__(sum(in_channels), out_channels, kernel, padding=kernel // 2, bias=bias)
        self.split = tuple(in_channels)
        self.mode: Mode = mode
        self.align_corners = align_corners

    def forward(self, maps: Sequence[Map], size: Sequence[int]) -> Tensor:  # type: ignore[override]
        """Fuse.

        :param maps: (B, C_i, h_i, w_i) each; with a kernel of 1 also linear layers that make such, see `Map`.
        :param size: the common (height, width).
        :returns: (B, out_channels, height, width).
        """
        fused, bias = None, self.bias
        for each, weight in zip(maps, self.weight.split(self.split, dim=1), strict=True):
            if weight.shape[1] == 0:
                continue
            part = self._part(each, weight, bias, size)
            fused, bias = part if fused is None else fused + part, None
        assert fused is not None
        return fused

    def _part(self, each: Map, weight: Tensor, bias: Tensor | None, size: Sequence[int]) -> Tensor:
        """What one map contributes to the sum."""
        if isinstance(each, Tensor):
            return conv_of_resized(each, weight, bias, size, self.mode, self.align_corners)
        convolved = each(weight)
        biased = convolved if bias is None else convolved + bias[:, None, None]
        return resize(biased, size, self.mode, self.align_corners)


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
        mode: Mode = "bilinear",
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        bias = norm is None if bias is None else bias
        self.conv = ConcatConv2d(in_channels, out_channels, kernel, bias=bias, mode=mode, align_corners=align_corners)
        self.norm = make_norm(norm, out_channels)
        self.act = make_act(act)

    def forward(self, maps: Sequence[Map], size: Sequence[int]) -> Tensor:
        return self.act(self.norm(self.conv(maps, size)))
