"""UNet 3+: A Full-Scale Connected UNet for Medical Image Segmentation, arXiv:2004.08790, section 2.1.

B         batch
C_i       channels of map i, fine to coarse
D         channels of a node: the width times the number of maps
H_i, W_i  size of map i, and of scale i
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConcatConvNormAct, MaxPool, he_initialise
from segzoo.options import Norm, Stride, Width


class UNet3PlusDecoder(segzoo.Decoder):
    """Full-scale skips: each node joins the encoder's maps down to its scale with what is decoded at coarser ones.

    Every map is brought to the node's scale (finer ones by max pooling) and to one width, so a node has `width`
    channels for each scale. As many scales as the encoder has maps; the result is as fine as the finest of them. Deep
    supervision and the classification-guided module, which judges whether an organ is there at all, are left out.

    :param width: channels of each scale in a node; the paper's 64 with five scales gives 320.
    :param finest_stride: stages of a finer stride are not taken; 1 takes the entry at the image's own resolution too,
        as the paper does.
    :param norm: timm's name of the norm after each convolution; None for none.
    """

    pyramid = True
    role = "scale"
    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 64,
        norm: Norm = "batchnorm2d",
    ) -> None:
        *finer, deepest = stages.channels
        super().__init__(stages, out_channels=width * len(stages) if finer else deepest)
        decoded = [deepest]
        self.nodes = nn.ModuleList()
        for scale in reversed(range(len(finer))):
            node = FullScaleNode(stages.select(range(scale + 1)), decoded, width, norm)
            self.nodes.append(node)
            decoded.insert(0, self.out_channels)
        self.apply(he_initialise)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, finest_stride: Stride = 2, **options: Any) -> segzoo.Selection:
        """Every map of the finest stride or a coarser one."""
        taken = tuple(stage for stage in offer.native if offer.strides[stage] >= finest_stride)
        if not any(taken):
            raise segzoo.NegotiationError(
                f"unet3plus needs a stage of stride {finest_stride} or more, and the encoder offers strides "
                f"{offer.select(offer.native).strides}"
            )
        return segzoo.Selection(stages=taken, pyramid=cls.pyramid, roles=tuple(cls.role for _ in taken))

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        *finer, deepest = features
        decoded = [deepest]
        for node in self.nodes:
            decoded.insert(0, node(finer, decoded))
            finer.pop()
        return decoded[0]


class FullScaleNode(nn.Module):
    """One scale of the decoder.

    :param encoded: the encoder's maps, from the finest down to the node's own scale.
    :param decoded: channels of what is decoded at coarser scales, fine to coarse.
    """

    def __init__(self, encoded: segzoo.FeatureSpec, decoded: Sequence[int], width: int, norm: str | None) -> None:
        super().__init__()
        own = encoded.strides[-1]
        self.pools = nn.ModuleList(
            MaxPool(max(1, round(own / stride))) if stride < own else nn.Identity() for stride in encoded.strides
        )
        channels = (*encoded.channels, *decoded)
        self.branches = nn.ModuleList(ConcatConvNormAct([each], width, norm=norm) for each in channels)
        self.aggregate = ConcatConvNormAct([width] * len(channels), width * len(channels), norm=norm)

    def forward(self, encoded: Sequence[Tensor], decoded: Sequence[Tensor]) -> Tensor:
        size = encoded[-1].shape[-2:]
        pooled = [pool(feature) for pool, feature in zip(self.pools, encoded, strict=True)]
        scales = zip(self.branches, [*pooled, *decoded], strict=True)
        return self.aggregate([branch([feature], size) for branch, feature in scales], size)
