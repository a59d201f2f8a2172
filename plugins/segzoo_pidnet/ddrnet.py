"""Deep Dual-resolution Networks for Real-time and Accurate Semantic Segmentation of Road Scenes, arXiv:2101.06085.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the fused map; the detail branch has half
E         channels of the result
H_i, W_i  size of map i
"""

from __future__ import annotations

from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, resize
from segzoo.options import Width
from segzoo_pidnet.blocks import Bottleneck, Head, Residual
from segzoo_pidnet.pooling import DAPPM


class DDRNetDecoder(segzoo.Decoder):
    """A detail branch on the map of stride 8, to which each coarser map adds, and a deep pyramid of poolings.

    In the paper both branches are the network itself; here the encoder is the context branch, and the detail branch
    starts from its finest map. Fusion goes one way, from context to detail. The defaults are DDRNet-23-slim's.

    :param width: channels of the fused map; 256 for DDRNet-23 and -39.
    :param pool_width: channels of each scale of the pooling.
    :param head_width: channels of the output; 128 for DDRNet-23, 256 for -39.
    """

    finest_stride = 8
    pyramid = True
    role = "fused"

    def __init__(
        self, stages: segzoo.FeatureSpec, width: Width = 128, pool_width: Width = 128, head_width: Width = 64
    ) -> None:
        super().__init__(stages, out_channels=head_width)
        finest, *coarser = stages.channels
        branch = max(1, width // 2)
        self.detail = ConvNormAct(finest, branch, act=None)
        self.residuals = nn.ModuleList(Residual(branch) for _ in coarser)
        self.compress = nn.ModuleList(ConvNormAct(channels, branch, kernel=1, act=None) for channels in coarser)
        self.widen = Bottleneck(branch, width)
        self.context = DAPPM(stages.channels[-1], pool_width, width)
        self.head = Head(width, head_width)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, E, H_0, W_0)."""
        finest, *coarser = features
        size = finest.shape[-2:]
        detail = self.detail(finest)
        for residual, compress, feature in zip(self.residuals, self.compress, coarser, strict=True):
            detail = residual(detail) + resize(compress(feature), size)
        context = resize(self.context(features[-1]), size)
        return self.head(self.widen(detail) + context)
