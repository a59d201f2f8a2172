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

*small* and *taps* hold for any sizes, *doubled* for exactly twice the size. docs/operator.md has a picture of each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from segzoo.nn.known import known
from segzoo.nn.resize import Mode, resize

# What the choice rests on, in multiply-adds of a convolution (measured in float32 on one core of an x86 processor;
# see benchmarks/README.md): one value of a map that is resized, one multiply-add of a matrix that resizes, and, per
# input and output channel, putting a kernel's taps into another order, and summing them into 2x2 kernels.
RESIZING = 100
MULTIPLYING = 4
ORDERING = 500
SUMMING = 5000


def conv_of_resized(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    size: Sequence[int],
    mode: Mode,
    align_corners: bool = False,
) -> Tensor:
    """Resize, then convolve so that the size is kept.

    Where sizes are symbols, costs often can't be compared. Then *doubled* and *small* are taken, which are cheaper at
    nearly all sizes, and *taps*, which is cheaper for small maps alone, is not.

    :param features: (B, C, h, w).
    :param weight: (out, C, k, k), k odd.
    :param size: (height, width) to resize to.
    :returns: (B, out, height, width).
    """
    (batch, channels, h, w), (height, width) = features.shape, size
    out, kernel = weight.shape[0], weight.shape[-1]
    if known(h == height) and known(w == width):
        return conv(features, weight, bias)
    before, after = batch * h * w, batch * height * width
    plain = channels * (kernel**2 * out + RESIZING) * after
    taps = channels * out * (kernel**2 * before + (ORDERING if kernel > 1 else 0))
    taps += MULTIPLYING * out * batch * kernel * h * width * (kernel * w + height)
    small = channels * out * before + RESIZING * out * after
    doubled = channels * out * (4 * after + SUMMING)
    one_cell = known(h == 1) and known(w == 1)  # resizing that costs nothing
    if kernel == 1 and (one_cell or not (known(plain < small) or known(taps < small))):
        return resize(conv(features, weight, bias), size, mode, align_corners)
    doubles = kernel == 3 and mode == "nearest" and known(height == 2 * h) and known(width == 2 * w)
    if doubles and not (known(plain <= doubled) or known(taps <= doubled)):
        return conv_of_doubled(features, weight, bias)
    if known(taps < plain):
        return conv_by_taps(features, weight, bias, size, mode, align_corners)
    return conv(resize(features, size, mode, align_corners), weight, bias)


def conv(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolution that keeps the size."""
    return F.conv2d(features, weight, bias, padding=weight.shape[-1] // 2)


def conv_of_doubled(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """3x3 convolution of a map that is doubled by nearest neighbour: (B, C, h, w) to (B, out, 2h, 2w)."""
    out, channels = weight.shape[:2]
    # Which of a kernel's three rows fall on which of two pixels: for an odd row of the result, then for an even one.
    rows = weight.new_tensor([[[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]])
    summed = torch.einsum("ayp,bxq,ocpq->oabcyx", rows, rows, weight).reshape(4 * out, channels, 2, 2)
    if bias is not None:
        bias = bias.repeat_interleave(4)
    # An odd row belongs to the pixel above and the one below, an even one too, but one further up: with the odd rows
    # shuffled in first, the result starts at the second.
    return F.pixel_shuffle(F.conv2d(features, summed, bias, padding=1), 2)[..., 1:-1, 1:-1]


def conv_by_taps(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    size: Sequence[int],
    mode: Mode,
    align_corners: bool = False,
) -> Tensor:
    """Convolution of a resized map, tap by tap on the small map: (B, C, h, w) to (B, out, *size)."""
    batch, _, h, w = features.shape
    out, channels, kernel, _ = weight.shape
    height, width = size
    pixels = features.permute(0, 2, 3, 1).reshape(-1, channels).expand(kernel**2, -1, -1)
    taps = torch.bmm(pixels, weight.flatten(2).permute(2, 1, 0))  # a view of the weight: backward keeps no copy
    taps = taps.view(kernel, kernel, batch, h, w, out).permute(2, 0, 3, 1, 4, 5).reshape(-1, kernel * w, out)
    resized = shifted_resize(w, width, kernel, mode, align_corners, features) @ taps
    rows = shifted_resize(h, height, kernel, mode, align_corners, features)
    resized = rows @ resized.view(batch, kernel * h, width * out)
    resized = resized.view(batch, height, width, out).permute(0, 3, 1, 2)
    return resized if bias is None else resized + bias[:, None, None]


def shifted_resize(length: int, target: int, kernel: int, mode: Mode, align_corners: bool, like: Tensor) -> Tensor:
    """A resize as a matrix (target, kernel x length): a block per tap, shifted by it, with zeros beyond the border."""
    precision = torch.promote_types(like.dtype, torch.float32)
    pixels = torch.eye(length, dtype=precision, device=like.device)[None]
    if mode == "nearest":
        matrix = F.interpolate(pixels, target, mode="nearest")[0].T
    elif mode == "bicubic":  # of images alone: the columns keep their number, and so stay as they are
        matrix = F.interpolate(pixels[None], (target, length), mode="bicubic")[0, 0]
    else:
        matrix = F.interpolate(pixels, target, mode="linear", align_corners=align_corners)[0].T
    padded = F.pad(matrix, (0, 0, kernel // 2, kernel // 2))
    return torch.cat([padded[tap : tap + target] for tap in range(kernel)], dim=1).to(like.dtype)
