"""The convolutions of both papers: norm and activation come first."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn import BatchNorm2d, ConvNormAct


class NormActConv(nn.Sequential):
    """Batch norm, ReLU, then a convolution that keeps the size: (B, in, H, W) to (B, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, groups: int = 1) -> None:
        super().__init__()
        self.norm = BatchNorm2d(in_channels)
        self.act = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups, bias=False)


class Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut, arXiv:1512.03385: (B, C, H, W) to the same. The last ReLU is the next's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvNormAct(channels, channels)
        self.conv2 = ConvNormAct(channels, channels, act=None)

    def forward(self, features: Tensor) -> Tensor:
        active = F.relu(features)
        return active + self.conv2(self.conv1(active))


class Bottleneck(nn.Module):
    """A residual bottleneck that ends a branch, without a last ReLU: (B, in, H, W) to (B, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.reduce = ConvNormAct(in_channels, in_channels, kernel=1)
        self.conv = ConvNormAct(in_channels, in_channels)
        self.expand = ConvNormAct(in_channels, out_channels, kernel=1, act=None)
        self.shortcut = ConvNormAct(in_channels, out_channels, kernel=1, act=None)

    def forward(self, features: Tensor) -> Tensor:
        active = F.relu(features)
        return self.shortcut(active) + self.expand(self.conv(self.reduce(active)))


class Head(nn.Sequential):
    """What both classify: (B, in, H, W) to (B, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = NormActConv(in_channels, out_channels, 3)
        self.norm = BatchNorm2d(out_channels)
        self.act = nn.ReLU(inplace=True)
