"""PIDNet: A Real-time Semantic Segmentation Network Inspired by PID Controllers, arXiv:2206.02066.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the three branches' results; P and D have half before
E         channels of the result
H_i, W_i  size of map i
P, I, D   the branches: proportional (detail), integral (context), derivative (boundaries)
"""

from __future__ import annotations

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, resize
from segzoo.options import Width
from segzoo_pidnet.blocks import Bottleneck, Head, NormActConv, Residual
from segzoo_pidnet.pooling import DAPPM, PAPPM


class PIDNetDecoder(segzoo.Decoder):
    """Branches of detail, context and boundaries on the map of stride 8; boundaries weigh the other two.

    In the paper the branches are the network itself; here the encoder is the integral branch, and the two others start
    from its finest map. The defaults are PIDNet-S's. The paper's losses of the branches, of classes on P and of
    boundaries on D, need classifiers on what `branches` returns.

    :param width: channels of each branch's result; 256 for PIDNet-M and -L.
    :param pool_width: channels of each scale of the pooling; 112 for PIDNet-L.
    :param head_width: channels of the output; 256 for PIDNet-L.
    :param light: whether scales are pooled in parallel and boundaries weigh by two 1x1 convolutions, as in PIDNet-S and
        -M; PIDNet-L pools deeply, and weighs by one 3x3 convolution.
    """

    finest_stride = 8
    pyramid = True
    role = "fused"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 128,
        pool_width: Width = 96,
        head_width: Width = 128,
        light: bool = True,
    ) -> None:
        super().__init__(stages, out_channels=head_width)
        finest, *coarser = stages.channels
        half = max(1, width // 2)
        self.proportional = ConvNormAct(finest, half, act=None)
        self.proportional_blocks = nn.ModuleList(Residual(half) for _ in coarser)
        self.compress = nn.ModuleList(ConvNormAct(channels, half, kernel=1, act=None) for channels in coarser)
        self.guides = nn.ModuleList(PixelAttentionGuidedFusion(half, max(1, half // 2)) for _ in coarser)
        self.proportional_end = Bottleneck(half, width)
        self.derivative = ConvNormAct(finest, half, act=None)
        self.derivative_blocks = nn.ModuleList(Residual(half) for _ in coarser)
        self.differences = nn.ModuleList(ConvNormAct(channels, half, act=None) for channels in coarser)
        self.derivative_end = Bottleneck(half, width)
        self.integral = (PAPPM if light else DAPPM)(stages.channels[-1], pool_width, width)
        self.fuse = (LightBoundaryGuidedFusion if light else BoundaryGuidedFusion)(width)
        self.head = Head(width, head_width)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, E, H_0, W_0)."""
        return self.head(self.fuse(*self.branches(features)))

    def branches(self, features: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """What the branches P, I and D have found, (B, D, H_0, W_0) each."""
        finest, *coarser = features
        size = finest.shape[-2:]
        proportional, derivative = self.proportional(finest), self.derivative(finest)
        for stage, feature in enumerate(coarser):
            guiding = self.compress[stage](feature)
            proportional = self.guides[stage](self.proportional_blocks[stage](proportional), guiding)
            difference = resize(self.differences[stage](feature), size)
            derivative = self.derivative_blocks[stage](derivative) + difference
        integral = resize(self.integral(features[-1]), size)
        return self.proportional_end(proportional), integral, self.derivative_end(derivative)


class PixelAttentionGuidedFusion(nn.Module):
    """Pag, section 4.1: a pixel of detail gives way to context as far as the two agree.

    :param width: channels in which they are compared.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.detail = ConvNormAct(channels, width, kernel=1, act=None)
        self.context = ConvNormAct(channels, width, kernel=1, act=None)

    def forward(self, detail: Tensor, context: Tensor) -> Tensor:
        """(B, C, H, W) and (B, C, h, w) to (B, C, H, W)."""
        size = detail.shape[-2:]
        agreement = (self.detail(detail) * resize(self.context(context), size)).sum(dim=1, keepdim=True).sigmoid()
        return agreement * resize(context, size) + (1 - agreement) * detail


class BoundaryGuidedFusion(nn.Module):
    """Bag, section 4.3: detail where there is a boundary, context elsewhere, and a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = NormActConv(channels, channels, 3)

    def forward(self, detail: Tensor, context: Tensor, boundary: Tensor) -> Tensor:
        """(B, C, H, W) each to the same."""
        weight = boundary.sigmoid()
        return self.conv(weight * detail + (1 - weight) * context)


class LightBoundaryGuidedFusion(nn.Module):
    """Light-Bag: the same choice made before two 1x1 convolutions, one of the detail and one of the context."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.detail = ConvNormAct(channels, channels, kernel=1, act=None)
        self.context = ConvNormAct(channels, channels, kernel=1, act=None)

    def forward(self, detail: Tensor, context: Tensor, boundary: Tensor) -> Tensor:
        """(B, C, H, W) each to the same."""
        weight = boundary.sigmoid()
        return self.detail(detail + (1 - weight) * context) + self.context(context + weight * detail)
