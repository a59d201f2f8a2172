"""Convolution of a resized map: the exact ways to compute it, and the choice of the cheapest.

All four give `conv2d(resize(features, size), weight, bias, padding=kernel // 2)`; they differ in rounding alone:

- *plain*: as written.
- *small*: a 1x1 convolution commutes with a resize, whose weights sum to one: convolve the small map, resize what
  that gives.
- *doubled*: a 3x3 convolution of a map doubled by nearest neighbour sees each pixel in two rows and two columns, so
  one 2x2 convolution with the kernel's weights summed gives the four pixels that a pixel becomes: 4 multiply-adds
  for 9.
- *taps*: a resize is a matrix for rows and one for columns. Each of the kernel's taps is a 1x1 convolution of the
  small map; shifting the taps' results against each other is left to the matrices, which resize and add them at once.

*small* and *taps* hold for any sizes, *doubled* for exactly twice the size. While a graph of unknown sizes is traced
the choice can't look at them: *small* for 1x1, else *plain*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import SymBool, Tensor
from torch.nn import functional as F

from segzoo.nn.large_map import is_plain, new_map
from segzoo.nn.layout import channels_last_to_infer
from segzoo.nn.plain_conv import added, conv2d, is_addable
from segzoo.nn.resize import resize

Mode = Literal["bilinear", "nearest"]

# What the choice rests on, in multiply-adds of a convolution (measured in float32 on one core of an x86 processor;
# see benchmarks/README.md): one multiply-add of a matrix that resizes, and, per input and output channel, putting a
# kernel's taps into another order, and summing them into 2x2 kernels.
RESIZING = 4
ORDERING = 500
SUMMING = 5000
CELLS = 48
"""So many cells at most are resized by a product of matrices: less than half of what a resize of one pixel was found to
cost, in multiply-adds."""


def conv_of_resized(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    size: Sequence[int],
    mode: Mode,
    align_corners: bool = False,
    onto: Tensor | None = None,
) -> Tensor:
    """Resize, then convolve so that the size is kept.

    :param features: (B, C, h, w).
    :param weight: (out, C, k, k), k odd.
    :param size: (height, width) to resize to.
    :param onto: a map of the result's shape to add it to, in place.
    :returns: (B, out, height, width).
    """
    (batch, channels, h, w), (height, width), kernel = features.shape, size, weight.shape[-1]
    same = known(h == height) and known(w == width)
    if same or (kernel == 1 and known(height * width < h * w)):
        return conv(features if same else resize(features, size, mode, align_corners), weight, bias, onto)
    if kernel == 1:
        return added(onto, resize(conv(features, weight, bias), size, mode, align_corners))
    features = channels_last_to_infer(features)

    plain = kernel**2 * channels * batch * height * width
    taps = channels * (kernel**2 * batch * h * w + ORDERING)
    taps += RESIZING * batch * kernel * h * width * (kernel * w + height)
    if kernel == 3 and mode == "nearest" and known(height == 2 * h) and known(width == 2 * w):
        doubled = channels * (4 * batch * height * width + SUMMING)
        if known(doubled < plain) and known(doubled < taps):
            return conv_of_doubled(features, weight, bias, onto)
    if kernel > 1 and known(taps < plain):
        return conv_by_taps(features, weight, bias, size, mode, align_corners, onto)
    return conv(resize(features, size, mode, align_corners), weight, bias, onto)


def conv(features: Tensor, weight: Tensor, bias: Tensor | None, onto: Tensor | None = None) -> Tensor:
    """Convolution that keeps the size."""
    kernel = weight.shape[-1]
    weight = channels_last_to_infer(weight) if kernel == 1 else weight
    return conv2d(channels_last_to_infer(features), weight, bias, padding=(kernel // 2,) * 2, onto=onto)


def conv_of_doubled(features: Tensor, weight: Tensor, bias: Tensor | None = None, onto: Tensor | None = None) -> Tensor:
    """3x3 convolution of a map that is doubled by nearest neighbour: (B, C, h, w) to (B, out, 2h, 2w)."""
    out, channels = weight.shape[:2]
    h, w = features.shape[-2:]
    # Which of a kernel's three rows fall on which of two pixels: for an odd row of the result, then for an even one.
    rows = weight.new_tensor([[[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]])
    if is_plain(features):
        return _interleaved(features, torch.einsum("ayp,bxq,ocpq->abocyx", rows, rows, weight), bias, onto)
    summed = torch.einsum("ayp,bxq,ocpq->oabcyx", rows, rows, weight).reshape(4 * out, channels, 2, 2)
    if bias is not None:
        bias = bias.repeat_interleave(4)
    # An odd row belongs to the pixel above and the one below, an even one too, but one further up: with the odd rows
    # shuffled in first, the result starts at the second.
    shuffled = F.pixel_shuffle(F.conv2d(features, summed, bias, padding=1), 2)
    return added(onto, shuffled[..., 1 : 1 + 2 * h, 1 : 1 + 2 * w])


def _interleaved(features: Tensor, summed: Tensor, bias: Tensor | None, onto: Tensor | None) -> Tensor:
    """The same without gradients: each of the four pixels goes where it belongs at once, rather than by a shuffle.

    :param summed: (2, 2, out, C, 2, 2): odd rows, then even; odd columns, then even.
    """
    (batch, _, h, w), out = features.shape, summed.shape[2]
    bias = None if bias is None else bias.repeat(4)
    pixels = conv2d(features, summed.flatten(0, 2), bias, padding=(1, 1))
    made = new_map((batch, out, 2 * h, 2 * w), features) if onto is None else onto
    for pixel, (y, x) in zip(pixels.split(out, dim=1), [(1, 1), (1, 0), (0, 1), (0, 0)], strict=True):
        target, pixel = made[:, :, y::2, x::2], pixel[:, :, y : y + h, x : x + w]
        if onto is None:
            target.copy_(pixel)
        else:
            target += pixel
    return made


def conv_by_taps(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    size: Sequence[int],
    mode: Mode,
    align_corners: bool = False,
    onto: Tensor | None = None,
) -> Tensor:
    """Convolution of a resized map, tap by tap on the small map: (B, C, h, w) to (B, out, *size)."""
    batch, _, h, w = features.shape
    out, channels, kernel, _ = weight.shape
    height, width = size
    pixels = features.permute(0, 2, 3, 1).reshape(-1, channels).expand(kernel**2, -1, -1)
    taps = torch.bmm(pixels, weight.flatten(2).permute(2, 1, 0))  # a view of the weight: backward keeps no copy
    taps = taps.view(kernel, kernel, batch, h, w, out).permute(2, 0, 3, 1, 4, 5).reshape(-1, kernel * w, out)
    resized = shifted_resize(w, width, kernel, mode, align_corners, features) @ taps
    resized = resized.view(batch, kernel * h, width * out)
    rows = shifted_resize(h, height, kernel, mode, align_corners, features)
    if onto is not None and bias is None and is_addable(onto):
        onto.permute(0, 2, 3, 1).view(batch, height, width * out).baddbmm_(rows.expand(batch, -1, -1), resized)
        return onto
    resized = (rows @ resized).view(batch, height, width, out).permute(0, 3, 1, 2)
    return added(onto, resized if bias is None else resized + bias[:, None, None])


def add_cells(maps: Sequence[Tensor], onto: Tensor, mode: Mode, align_corners: bool = False) -> Tensor:
    """Resize maps of a few cells to a large one and add them to it, in place: all at once, by one product of matrices.

    :param maps: (B, C, h_i, w_i) each.
    :param onto: (B, C, height, width).
    """
    (batch, channels, height, width), innermost = onto.shape, torch.channels_last
    cells = torch.cat([each.flatten(2) for each in maps], dim=2)
    resizes = []
    for each in maps:
        rows, columns = (
            shifted_resize(length, target, 1, mode, align_corners, onto)
            for length, target in zip(each.shape[-2:], (height, width), strict=True)
        )
        resizes.append(torch.kron(rows, columns))
    matrix = torch.cat(resizes, dim=1).expand(batch, -1, -1)  # to each pixel, from each cell
    if onto.is_contiguous(memory_format=innermost):
        onto.permute(0, 2, 3, 1).view(batch, height * width, channels).baddbmm_(matrix, cells.mT)
    else:
        onto.view(batch, channels, height * width).baddbmm_(cells, matrix.mT)
    return onto


def shifted_resize(length: int, target: int, kernel: int, mode: Mode, align_corners: bool, like: Tensor) -> Tensor:
    """A resize as a matrix (target, kernel x length): a block per tap, shifted by it, with zeros beyond the border."""
    precision = torch.promote_types(like.dtype, torch.float32)
    pixels = torch.eye(length, dtype=precision, device=like.device)[None]
    if mode == "nearest":
        matrix = F.interpolate(pixels, target, mode="nearest")[0].T
    else:
        matrix = F.interpolate(pixels, target, mode="linear", align_corners=align_corners)[0].T
    padded = F.pad(matrix, (0, 0, kernel // 2, kernel // 2))
    return torch.cat([padded[tap : tap + target] for tap in range(kernel)], dim=1).to(like.dtype)


def known(fact: bool | SymBool) -> bool:
    """Whether it holds for sure: in a traced graph sizes are symbols, and a guess would tie the graph to one size."""
    if torch.compiler.is_compiling():
        from torch.fx.experimental.symbolic_shapes import statically_known_true

        return statically_known_true(fact)
    return bool(fact)
