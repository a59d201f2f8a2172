"""Pyramid Scene Parsing Network, arXiv:1612.01105.

B     batch
C, D  channels of the deepest map, of the result
H, W  size of the deepest map
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

import segzoo
from segzoo.nn import ConcatConvNormAct, PyramidPooling, he_initialise
from segzoo.options import Dropout, Kernel, OutputStride, Sizes, Width


class PSPNetDecoder(segzoo.Decoder):
    """The deepest map, joined with its averages over grids of several sizes, and convolved.

    The defaults are those of segmentation_models_pytorch (which gives it an encoder of depth 3). The paper's and
    mmsegmentation's are `pool_width=512, kernel=3, image_norm=True, head_kernel=1, dropout=0.1`.

    :param width: channels of the output.
    :param pool_width: channels of each pooled map; by default the deepest map's, shared among the grids.
    :param grids: cells per side of the pooling grids.
    :param kernel: of the convolution that joins them.
    :param image_norm: whether the grid of one cell has a batch norm as the others do.
    :param head_kernel: of the classifier.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    :param align_corners: how pooled maps and logits are upsampled: segmentation_models_pytorch aligns the corners.
    """

    finest_stride = 2
    role = "pooled"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 512,
        pool_width: Width | None = None,
        grids: Sizes = (1, 2, 3, 6),
        kernel: Kernel = 1,
        image_norm: bool = False,
        head_kernel: Kernel = 3,
        dropout: Dropout = 0.2,
        align_corners: bool = False,
    ) -> None:
        (deepest,) = stages.channels
        pool_width = max(1, deepest // len(grids)) if pool_width is None else pool_width
        super().__init__(stages, out_channels=width)
        self.head_kernel = head_kernel
        self.head_dropout = dropout
        self.head_align_corners = align_corners
        self.pooling = PyramidPooling(deepest, pool_width, grids, image_norm=image_norm)
        self.join = ConcatConvNormAct([*[pool_width] * len(grids), deepest], width, kernel, align_corners=align_corners)
        self.apply(he_initialise)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, output_stride: OutputStride = 8, **options: Any) -> segzoo.Selection:
        """The deepest map, dilated if the encoder can."""
        deepest = super().negotiate(offer).stages[-1]
        return segzoo.Selection(stages=(deepest,), output_stride=output_stride, roles=(cls.role,))

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C, H, W) to (B, D, H, W)."""
        (deepest,) = features
        return self.join([*self.pooling(deepest), deepest], size=deepest.shape[-2:])
