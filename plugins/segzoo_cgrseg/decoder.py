"""Context-Guided Spatial Feature Reconstruction for Efficient Semantic Segmentation, arXiv:2405.06228: CGRSeg.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the fused maps
K         classes
H_i, W_i  size of map i
h, w      size of the context, half the coarsest map's
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import ConvNormAct, resize
from segzoo.options import Count, Dropout, Width
from segzoo_cgrseg.calibration import RectangularSelfCalibration
from segzoo_cgrseg.context import PyramidContext
from segzoo_cgrseg.prototypes import PrototypeGuidedHead


class CGRSegDecoder(segzoo.Decoder):
    """The context of all maps reconstructs each, from the coarsest to stride 8; prototypes guide the classifier.

    The defaults are CGRSeg-T's.

    :param classes: how many.
    :param width: channels of the fused maps; 256 for CGRSeg-B and -L.
    :param blocks: how often the context is calibrated; 6 for CGRSeg-B.
    :param band: length of the kernels that calibrate rows and columns; 9 for CGRSeg-L.
    :param dropout: of whole channels, before the classifier.
    """

    emits = "logits"
    finest_stride = 8
    pyramid = True
    role = "reconstructed"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        width: Width = 128,
        blocks: Count = 5,
        band: Literal[3, 5, 7, 9, 11] = 11,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(stages, out_channels=classes)
        self.context = PyramidContext(stages.channels, blocks, band)
        self.reconstructions = nn.ModuleList(Reconstruction(channels, width, band) for channels in stages.channels)
        self.projections = nn.ModuleList(nn.Conv2d(width, channels, 1) for channels in stages.channels[:-1])
        self.head = PrototypeGuidedHead(width, classes, dropout)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, K, H_0, W_0)."""
        contexts = self.context(features)
        fused = self.reconstructions[-1](features[-1], contexts[-1])
        for fine in reversed(range(len(features) - 1)):
            below = resize(self.projections[fine](fused), features[fine].shape[-2:])
            fused = self.reconstructions[fine](features[fine] + below, contexts[fine])
        return self.head(fused)


class Reconstruction(nn.Module):
    """A map calibrated by itself, then weighted by its context."""

    def __init__(self, channels: int, width: int, band: int) -> None:
        super().__init__()
        self.calibrate = RectangularSelfCalibration(channels, band)
        self.local = ConvNormAct(channels, width, kernel=1, act=None)
        self.context = ConvNormAct(channels, width, kernel=1, act=None)

    def forward(self, feature: Tensor, context: Tensor) -> Tensor:
        """(B, C_i, H_i, W_i) and (B, C_i, h, w) to (B, D, H_i, W_i)."""
        weight = resize(F.hardsigmoid(self.context(context)), feature.shape[-2:])
        return self.local(self.calibrate(feature)) * weight
