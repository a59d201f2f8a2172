"""Context Encoding for Semantic Segmentation, arXiv:1803.08904.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the result
h_i, w_i  size of map i
H, W      size of the deepest map
K, N      codewords; pixels, H times W
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import BatchNorm2d, ConcatConvNormAct, ConvNormAct
from segzoo.options import Dropout, Width
from segzoo_context.base import ContextDecoder

STAGES_WITH_LATERALS = 3


class EncNetDecoder(ContextDecoder):
    """A code of the whole image says which channels of the map matter.

    The defaults are mmsegmentation's. The paper's semantic encoding loss, which has the code tell which classes are in
    the image, needs a second output in training alone, and is left out.

    :param width: channels throughout, and of the output.
    :param codewords: how many the pixels are compared with.
    :param laterals: whether the two maps before the deepest are joined too.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 512,
        codewords: Width = 32,
        laterals: bool = False,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(stages, width, dropout)
        *finer, deepest = stages.channels
        self.first = ConvNormAct(deepest, width)
        self.laterals = nn.ModuleList(ConvNormAct(channels, width, kernel=1) for channels in finer)
        self.join = ConcatConvNormAct([width] * len(stages), width) if laterals else None
        self.encoding = ContextEncoding(width, codewords)
        self.gate = nn.Linear(width, width)

    @classmethod
    def taken(cls, options: Mapping[str, Any]) -> int:
        return STAGES_WITH_LATERALS if options["laterals"] else 1

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, h_i, w_i) each to (B, D, H, W)."""
        *finer, deepest = features
        context = self.first(deepest)
        if self.join is not None:
            laterals = [lateral(each) for lateral, each in zip(self.laterals, finer, strict=True)]
            context = self.join([context, *laterals], size=deepest.shape[-2:])
        gate = self.gate(self.encoding(context)).sigmoid()[..., None, None]
        return F.relu(context + context * gate)


class ContextEncoding(nn.Module):
    """The map's residuals to codewords, summed over the pixels and over the codewords: (B, D, H, W) to (B, D)."""

    def __init__(self, channels: int, codewords: int) -> None:
        super().__init__()
        self.project = ConvNormAct(channels, channels, kernel=1)
        self.codewords = nn.Parameter(torch.empty(codewords, channels).uniform_(-1, 1) / (codewords * channels) ** 0.5)
        self.smoothing = nn.Parameter(torch.empty(codewords).uniform_(-1, 0))
        self.norm = BatchNorm2d(codewords)

    def forward(self, features: Tensor) -> Tensor:
        pixels = self.project(features).flatten(2)  # (B, D, N)
        shares = (self.smoothing[:, None] * self._distances(pixels)).softmax(dim=1)  # (B, K, N)
        sums = shares @ pixels.transpose(-2, -1)  # (B, K, D)
        residuals = sums - shares.sum(dim=2, keepdim=True) * self.codewords
        return self.norm(residuals[..., None]).relu().mean(dim=(1, 3))

    def _distances(self, pixels: Tensor) -> Tensor:
        """The square of each, (B, K, N), as a binomial: the differences themselves would take D times that."""
        products = self.codewords @ pixels
        return self.codewords.square().sum(dim=1)[:, None] - 2 * products + pixels.square().sum(dim=1, keepdim=True)
