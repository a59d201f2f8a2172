"""SegNeXt: Rethinking Convolutional Attention Design for Semantic Segmentation, arXiv:2209.08575, section 3.2.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the result
H_i, W_i  size of map i
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct, he_initialise
from segzoo.options import Count, Dropout, Width, Width32
from segzoo_lightham.nmf import NMF

FINEST_STRIDE = 8
STAGES = 3


class LightHamDecoder(segzoo.Decoder):
    """The three coarsest maps joined at stride 8 and squeezed, a hamburger for the global context, and a last 1x1.

    Where the encoder ends before stride 8, its coarsest map is taken alone.

    :param width: channels of the output, a multiple of 32 (group norm's groups); 256 for SegNeXt-T and -S, 512 for -B,
        1024 for -L.
    :param ham_width: channels within, a multiple of 32; the width if None.
    :param rank: of the decomposition: how many basis vectors describe the map.
    :param train_steps: of the decomposition's iteration, in train mode.
    :param eval_steps: the same in eval mode.
    :param dropout: of whole channels, before the classifier.
    """

    finest_stride = 2
    role = "joined"
    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width32 = 256,
        ham_width: Width32 | None = None,
        rank: Width = 16,
        train_steps: Count = 6,
        eval_steps: Count = 7,
        dropout: Dropout = 0.1,
    ) -> None:
        ham_width = width if ham_width is None else ham_width
        super().__init__(stages, out_channels=width)
        self.head_dropout = dropout
        self.squeeze = ConcatConvNormAct(stages.channels, ham_width, kernel=1, norm="groupnorm")
        self.hamburger = Hamburger(ham_width, rank, train_steps, eval_steps)
        self.align = ConvNormAct(ham_width, width, kernel=1, norm="groupnorm")
        self.apply(he_initialise)

    @classmethod
    def negotiate(cls, offer: segzoo.FeatureSpec, **options: Any) -> segzoo.Selection:
        """The three coarsest maps from stride 8 on; without such, the coarsest of all."""
        maps = super().negotiate(offer, **options).stages
        taken = [stage for stage in maps if offer.strides[stage] >= FINEST_STRIDE][-STAGES:] or maps[-1:]
        return segzoo.Selection(stages=tuple(taken), roles=(cls.role,) * len(taken))

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        squeezed = self.squeeze(features, size=features[0].shape[-2:])
        return self.align(self.hamburger(squeezed))


class Hamburger(nn.Module):
    """Matrix decomposition between two linear layers, with a shortcut, arXiv:2109.04553, section 2.2."""

    def __init__(self, channels: int, rank: int, train_steps: int, eval_steps: int) -> None:
        super().__init__()
        self.lower_bread = ConvNormAct(channels, channels, kernel=1, norm=None)  # ReLU: the ham takes no negatives
        self.ham = NMF(channels, rank, train_steps, eval_steps)
        self.upper_bread = ConvNormAct(channels, channels, kernel=1, norm="groupnorm", act=None)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(features + self.upper_bread(self.ham(self.lower_bread(features))))
