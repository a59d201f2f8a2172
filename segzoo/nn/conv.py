"""Convolution, norm and activation: the block that nearly every decoder repeats."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn


class ConvNormAct(nn.Sequential):
    """Convolution that keeps the size, then a norm, then an activation: (B, in, H, W) to (B, out, H, W).

    The convolution has no bias where a norm follows.

    :param norm: makes the norm from a channel count (`nn.BatchNorm2d`); None leaves it out.
    :param act: makes the activation (`nn.ReLU`); None leaves it out.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        norm: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
        act: Callable[[], nn.Module] | None = nn.ReLU,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=norm is None)
        if norm is not None:
            self.norm = norm(out_channels)
        if act is not None:
            self.act = act()
