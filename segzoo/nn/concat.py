"""The operator: convolution over the concatenation of resized maps, which nearly every decoder is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import torch
from torch import Tensor, nn

from segzoo.errors import OptionError
from segzoo.nn.conv import Layer, make_act, make_norm
from segzoo.nn.conv_norm import folded, in_inference, is_folded
from segzoo.nn.linear import is_linear
from segzoo.nn.resized_conv import CELLS, Mode, add_cells, conv, conv_of_resized, known


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

    def forward(  # type: ignore[override]
        self, maps: Sequence[Tensor], size: Sequence[int], linears: Sequence[nn.Module] | None = None
    ) -> Tensor:
        """Fuse: see `fuse`."""
        return self.fuse(self.weight, self.bias, maps, size, linears)

    def fuse(
        self,
        weight: Tensor,
        bias: Tensor | None,
        maps: Sequence[Tensor],
        size: Sequence[int],
        linears: Sequence[nn.Module] | None = None,
    ) -> Tensor:
        """Fuse, with a weight and bias in place of its own.

        :param maps: (B, C_i, h_i, w_i) each.
        :param size: the common (height, width).
        :param linears: what each map goes through first, to `in_channels`; with a kernel of 1, a 1x1 convolution and
            its part of the weight are one matrix, and are multiplied where that is cheaper.
        :returns: (B, out_channels, height, width).
        """
        weights = weight.split(self.split, dim=1)
        layers: Sequence[nn.Module | None] = [None] * len(maps) if linears is None else linears
        parts = []
        for each, weight, linear in zip(maps, weights, layers, strict=True):
            if weight.shape[1] == 0:
                continue
            if linear is not None and self._is_one_matrix(linear, each):
                if linear.bias is not None:
                    passed = weight.flatten(1) @ linear.bias
                    bias = passed if bias is None else bias + passed
                weight = (weight.flatten(1) @ linear.weight.flatten(1))[..., None, None]
            elif linear is not None:
                each = linear(each)
            parts.append((each, weight))
        # Those that need no resize come first: into their result the others can be added in place.
        height, width = size
        parts.sort(key=lambda part: not (known(part[0].shape[-2] == height) and known(part[0].shape[-1] == width)))
        fused, few = None, []
        for each, weight in parts:
            if fused is not None and self.kernel_size == (1, 1) and self._is_few(each, fused):
                few.append(conv(each, weight, None))
                continue
            fused = conv_of_resized(each, weight, bias, size, self.mode, self.align_corners, onto=fused)
            bias = None
        assert fused is not None
        return add_cells(few, fused, self.mode, self.align_corners) if few else fused

    def _is_few(self, features: Tensor, fused: Tensor) -> bool:
        """Whether a map of few cells is to be added to a large one that can be added to.

        Few beside the channels too: the backward pass keeps a value for each cell and pixel.
        """
        (h, w), (height, width) = features.shape[-2:], fused.shape[-2:]
        dense = (torch.contiguous_format, torch.channels_last)
        return (
            known(h * w <= min(CELLS, self.out_channels // 4))
            and known(h * w < height * width)
            and not torch.compiler.is_compiling()
            and any(fused.is_contiguous(memory_format=layout) for layout in dense)
        )

    def _is_one_matrix(self, linear: nn.Module, features: Tensor) -> TypeGuard[nn.Conv2d]:
        """Whether a layer and its part of the weight may, and should, be multiplied before they meet the map.

        A layer with hooks is left to run by itself.
        """
        if self.kernel_size != (1, 1) or not is_linear(linear):
            return False
        before, between, after = linear.in_channels, linear.out_channels, self.out_channels
        pixels = features.shape[0] * features.shape[-2] * features.shape[-1]
        return not known(pixels * between * (before + after) < before * after * (pixels + between))


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

    def forward(
        self, maps: Sequence[Tensor], size: Sequence[int], linears: Sequence[nn.Module] | None = None
    ) -> Tensor:
        conv, norm = self.conv, self.norm
        if not in_inference(conv, norm) or type(conv) is not ConcatConv2d:
            return self.act(norm(conv(maps, size, linears)))
        fused = conv.fuse(*folded(conv.weight, conv.bias, norm), maps, size, linears)
        return self.act(fused if is_folded(norm) else norm(fused))
