"""The linear probe of DINOv2: Learning Robust Visual Features without Supervision, arXiv:2304.07193, section 7.4.

B         batch
C_i       channels of map i, fine to coarse
D         their sum
H_i, W_i  size of map i
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import segzoo
from segzoo.nn import BatchNorm2d, resize
from segzoo.options import Count, Dropout, OutputStride


class LinearDecoder(segzoo.Decoder):
    """Batch norm on the last map or maps as they are; the head's 1x1 convolution is all that classifies.

    Freeze the encoder (`model.freeze_encoder()`) for the protocol of the paper.

    :param blocks: how many maps, the deepest first to be taken: 1, or 4 for the paper's "+ms". On a pyramid they are
        resized to the finest of them.
    :param class_token: whether the class token is appended to each pixel, where the encoder has one.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: what to wish for where a pyramid's deepest map is coarser: 8, 16, or None for nothing.
    """

    finest_stride = 2
    role = "probed"

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        dropout: Dropout = 0.0,
    ) -> None:
        super().__init__(stages, out_channels=sum(stages.channels))
        self.head_dropout = dropout
        self.norm = BatchNorm2d(self.out_channels)

    @classmethod
    def negotiate(
        cls,
        offer: segzoo.FeatureSpec,
        blocks: Count = 1,
        class_token: bool = False,
        output_stride: OutputStride = 8,
        **options: Any,
    ) -> segzoo.Selection:
        """The last maps; those of a pyramid, far coarser than a transformer's patches, dilated if the encoder can."""
        maps = super().negotiate(offer).stages
        taken = maps[-blocks:]
        notes = (f"linear: blocks={blocks}, and the encoder has {len(maps)}",) if blocks > len(maps) else ()
        return segzoo.Selection(
            stages=taken,
            prefix="concat" if class_token else None,
            output_stride=None if offer.isotropic else output_stride,
            roles=(cls.role,) * len(taken),
            notes=notes,
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        size = features[0].shape[-2:]
        return self.norm(torch.cat([resize(feature, size) for feature in features], dim=1))
