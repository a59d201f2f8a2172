"""CCNet: Criss-Cross Attention for Semantic Segmentation, arXiv:1811.11721.

B     batch
D, E  channels of the map, of what is compared
H, W  size of the map; in sums h and w are a pixel, i another of its column and j of its row
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import segzoo
from segzoo.options import Count, Dropout, Width
from segzoo_context.base import ConvolvedContextDecoder


class CCNetDecoder(ConvolvedContextDecoder):
    """Each pixel attends to those of its row and its column; done twice, it is told of all.

    The defaults are mmsegmentation's.

    :param width: channels throughout, and of the output.
    :param reduction: how many times fewer channels are compared.
    :param recurrence: how often the attention is done, with the same weights.
    :param dropout: of whole channels, before the classifier.
    :param output_stride: the encoder is asked to be dilated to that stride, 8 or 16; None asks for nothing.
    """

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        width: Width = 512,
        reduction: Count = 8,
        recurrence: Count = 2,
        dropout: Dropout = 0.1,
    ) -> None:
        super().__init__(stages, CrissCrossAttention(width, reduction, recurrence), width, dropout)


class CrissCrossAttention(nn.Module):
    """Each pixel attends to its row and its column, several times: (B, D, H, W) to the same; at first the identity."""

    def __init__(self, channels: int, reduction: int, recurrence: int) -> None:
        super().__init__()
        self.recurrence = recurrence
        reduced = max(1, channels // reduction)
        self.query, self.key = (nn.Conv2d(channels, reduced, 1) for _ in range(2))
        self.value = nn.Conv2d(channels, channels, 1)
        self.gain = nn.Parameter(torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        for _ in range(self.recurrence):
            context = criss_cross(self.query(features), self.key(features), self.value(features))
            features = features + self.gain * context
        return features


def criss_cross(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention of each pixel to its row and its column, to itself once.

    :param query: (B, E, H, W), as the key is.
    :param value: (B, D, H, W).
    :returns: (B, D, H, W).
    """
    height = query.shape[-2]
    rows = torch.arange(height, device=query.device)
    itself = (rows[:, None] == rows)[:, None]  # (H, 1, H): it is in its row already
    column = torch.einsum("behw,beiw->bhwi", query, key).masked_fill(itself, float("-inf"))
    row = torch.einsum("behw,behj->bhwj", query, key)
    weights = torch.cat([column, row], dim=-1).softmax(dim=-1)  # (B, H, W, H + W)
    of_column = torch.einsum("bhwi,bdiw->bdhw", weights[..., :height], value)
    return of_column + torch.einsum("bhwj,bdhj->bdhw", weights[..., height:], value)
