"""EMCAD: Efficient Multi-scale Convolutional Attention Decoding for Medical Image Segmentation, arXiv:2405.06880.

B         batch
C_i       channels of map i, fine to coarse, and of what is decoded there
H_i, W_i  size of map i
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any

import torch
from annotated_types import Len
from torch import Tensor, nn

import segzoo
from segzoo.nn import ConvNormAct, resize
from segzoo.options import Count, Interpolation, Kernel
from segzoo_emcad.mscam import MSCAM

Kernels = Annotated[Sequence[Kernel], Len(1, 16)]


class EMCADDecoder(segzoo.Decoder):
    """From the deepest map up: grow, gate the skip by what was grown, add the two, refine.

    Written from the paper alone.

    :param kernels: of the parallel depthwise convolutions.
    :param expansion: how many times wider the maps are for these.
    :param gate_kernel: of the convolutions by groups that gate a skip.
    :param upsample: how a map is grown; the paper doesn't say.
    :param deep_supervision: whether every scale is classified in training, as in the paper, or the finest alone.
    """

    finest_stride = 4
    pyramid = True
    role = "refined"
    memory_format = torch.contiguous_format  # depthwise convolutions, by groups of channels too

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        kernels: Kernels = (1, 3, 5),
        expansion: Count = 2,
        gate_kernel: Kernel = 3,
        upsample: Interpolation = "nearest",
        deep_supervision: bool = False,
    ) -> None:
        super().__init__(stages, out_channels=stages.channels[0])
        self.coarser_channels = stages.channels[1:] if deep_supervision else ()
        self.refine_deepest = MSCAM(stages.channels[-1], kernels, expansion)
        self.grows = nn.ModuleList(EUCB(coarse, fine, upsample) for fine, coarse in pairwise(stages.channels))
        self.gates = nn.ModuleList(LGAG(channels, gate_kernel) for channels in stages.channels[:-1])
        self.refines = nn.ModuleList(MSCAM(channels, kernels, expansion) for channels in stages.channels[:-1])

    def forward(self, features: list[Tensor], coarser: bool = False) -> Any:
        """(B, C_i, H_i, W_i) each to (B, C_0, H_0, W_0), with `coarser` beside what is decoded at the coarser maps."""
        *skips, deepest = features
        decoded = [self.refine_deepest(deepest)]
        for grow, gate, refine, skip in reversed(list(zip(self.grows, self.gates, self.refines, skips, strict=True))):
            grown = grow(decoded[0], skip.shape[-2:])
            decoded.insert(0, refine(grown + gate(skip, grown)))
        finest, *others = decoded
        return (finest, others) if coarser else finest


class EUCB(nn.Module):
    """Efficient up-convolution: grow, a depthwise convolution, a 1x1 to the next map's channels; equation 9."""

    def __init__(self, in_channels: int, out_channels: int, upsample: Interpolation) -> None:
        super().__init__()
        self.upsample: Interpolation = upsample
        self.depthwise = ConvNormAct(in_channels, in_channels, groups=in_channels)
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, features: Tensor, size: Sequence[int]) -> Tensor:
        return self.pointwise(self.depthwise(resize(features, size, self.upsample)))


class LGAG(nn.Module):
    """Large-kernel grouped attention gate: a skip's pixels weighed by what is grown, equations 1 and 2.

    Its convolutions halve the channels, each group making one channel of two.
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        groups = inner if channels % inner == 0 else 1
        self.skip = ConvNormAct(channels, inner, kernel, groups=groups, act=None)
        self.gating = ConvNormAct(channels, inner, kernel, groups=groups, act=None)
        self.weigh = ConvNormAct(inner, 1, 1, act="sigmoid")

    def forward(self, skip: Tensor, grown: Tensor) -> Tensor:
        agreement = (self.skip(skip) + self.gating(grown)).relu()
        return skip * self.weigh(agreement)
