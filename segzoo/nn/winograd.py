"""3x3 convolution by minimal filtering: "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308.

F(4x4, 3x3): a tile of 6x6 pixels is transformed so that a convolution is one product per value, and transformed back to
4x4 pixels: 36 multiply-adds for 144. Both transforms are additions, but pass the tiles through memory.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from segzoo.nn.large_map import new_map, new_values

TILE = 4
WINDOW = 6

# What the choice rests on, in multiply-adds of a convolution (see benchmarks/README.md): passing a tile through memory,
# per channel, and transforming the weight, per input and output channel.
PASSING = 8000
TRANSFORMING = 3000

CHUNK = 2**22
"""Values of transformed tiles that are worked on at a time, to stay in a processor's cache."""

KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
"""The paper's G: three weights to six."""


def is_faster(features: Tensor, weight: Tensor) -> bool:
    """Whether it is faster than a plain convolution: with many channels, for which the transforms are made once."""
    (batch, _, height, width), (out, channels) = features.shape, weight.shape[:2]
    tiles = batch * -(-height // TILE) * -(-width // TILE)
    here = tiles * (WINDOW**2 * channels * out + PASSING * (channels + out)) + TRANSFORMING * channels * out
    return here < 9 * channels * out * batch * height * width


def conv_by_tiles(features: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """3x3 convolution that keeps the size: (B, C, H, W) to (B, out, H, W), channels innermost. Not differentiable."""
    batch, channels, height, width = features.shape
    out = weight.shape[0]
    down, across = -(-height // TILE), -(-width // TILE)
    to_window = weight.new_tensor(KERNEL)
    to_window = torch.kron(to_window, to_window)
    kernels = new_values(WINDOW**2 * channels * out, features).view(WINDOW**2, channels * out)
    torch.mm(to_window, weight.permute(2, 3, 1, 0).reshape(9, channels * out), out=kernels)
    kernels = kernels.view(WINDOW**2, channels, out)

    shape = batch, out, down * TILE, across * TILE
    made = new_map(shape, features)
    at_once = min(down, max(1, CHUNK // (WINDOW**2 * across * (channels + out))))
    memory = new_values(3 * WINDOW**2 * at_once * across * max(channels, out), features).chunk(3)
    for image, result in zip(features.permute(0, 2, 3, 1), made.permute(0, 2, 3, 1), strict=True):
        for top in range(0, down, at_once):
            rows = min(at_once, down - top)
            first, last = top * TILE - 1, (top + rows) * TILE + 1
            border = 0, 0, 1, across * TILE - width + 1, max(0, -first), max(0, last - height)
            padded = F.pad(image[max(0, first) : last], border)
            windows = to_windows(padded, rows, across, memory)
            products = part(memory[2], WINDOW**2, rows * across, out)
            torch.bmm(windows, kernels, out=products)
            products = products.view(WINDOW, WINDOW, rows, across, out)
            if bias is not None:
                products[1, 1] += bias  # from there it reaches each pixel once
            tiles = result[top * TILE : (top + rows) * TILE].view(rows, TILE, across, TILE, out)
            from_windows(products, tiles, memory)
    return made[..., :height, :width]


def to_windows(padded: Tensor, rows: int, across: int, memory: Sequence[Tensor]) -> Tensor:
    """(4 rows + 2, 4 across + 2, C) to (36, rows * across, C): the paper's B^T d B for each window d."""
    channels = padded.shape[-1]
    half = part(memory[0], WINDOW, rows, padded.shape[1], channels)
    transform([padded[at : at + TILE * rows - 3 : TILE] for at in range(WINDOW)], half.unbind())
    windows = part(memory[1], WINDOW, WINDOW, rows, across, channels)
    transform([half[:, :, at : at + TILE * across - 3 : TILE] for at in range(WINDOW)], windows.unbind(1))
    return windows.view(WINDOW**2, rows * across, channels)


def from_windows(products: Tensor, tiles: Tensor, memory: Sequence[Tensor]) -> None:
    """(6, 6, rows, across, out) into (rows, 4, across, 4, out): the paper's A^T m A for each window m."""
    half = part(memory[0], TILE, *products.shape[1:])
    transform_back(products.unbind(), half.unbind())
    transform_back(half.unbind(1), [tiles[:, :, :, at].transpose(0, 1) for at in range(TILE)])


def part(memory: Tensor, *shape: int) -> Tensor:
    """As much of it as a shape takes."""
    return memory[: math.prod(shape)].view(shape)


def transform(window: Sequence[Tensor], made: Sequence[Tensor]) -> None:
    """Along one side, six to six: the paper's B^T, with what pairs of rows share computed once."""
    d0, d1, d2, d3, d4, d5 = window
    even, odd = torch.sub(d4, d2, alpha=4), torch.sub(d3, d1, alpha=4)
    torch.add(even, odd, out=made[1])
    torch.sub(even, odd, out=made[2])
    torch.sub(d4, d2, out=even)
    torch.sub(d3, d1, out=odd)
    torch.add(even, odd, alpha=2, out=made[3])
    torch.sub(even, odd, alpha=2, out=made[4])
    torch.sub(d5, d3, out=made[5]).sub_(odd, alpha=4)
    torch.sub(d0, d2, out=odd)
    torch.add(even, odd, alpha=4, out=made[0])


def transform_back(window: Sequence[Tensor], made: Sequence[Tensor]) -> None:
    """Along one side, six to four: the paper's A^T."""
    m0, m1, m2, m3, m4, m5 = window
    near, near_odd, far, far_odd = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    torch.add(m0, near, out=made[0]).add_(far)
    torch.add(near_odd, far_odd, alpha=2, out=made[1])
    torch.add(near, far, alpha=4, out=made[2])
    torch.add(near_odd, far_odd, alpha=8, out=made[3]).add_(m5)
