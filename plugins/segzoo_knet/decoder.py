"""K-Net: Towards Unified Image Segmentation, arXiv:2106.14855, of semantic segmentation.

B     batch
C     channels of the inner decoder's features, and of a kernel
K     classes, each of which has a kernel
h, w  size of the features
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import MLP, Attention
from segzoo.options import Count, Places, Values, Width
from segzoo_knet.adaptive import AdaptiveUpdate


class KNetDecoder(segzoo.Refiner):
    """A kernel for each class, convolved with the inner decoder's features; what its mask holds updates the kernel.

    The logits of each step, the inner decoder's first ones included, are trained too, as in the paper.

    :param inner: the name of the decoder that is refined, of one that emits features.
    :param inner_options: its own options. The authors' have `{"width": 512}` for "upernet".
    :param inner_stages: the places of its stages among those of both; settled by the negotiation.
    :param steps: how often the kernels are updated.
    :param heads: of the attention among kernels, which share out the features' channels.
    :param hidden: width of the feed-forward of each kernel.
    :raises segzoo.OptionError: when the heads can't share out the channels.
    """

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        inner: str = "upernet",
        inner_options: Values | None = None,
        inner_stages: Places | None = None,
        steps: Count = 3,
        heads: Count = 8,
        hidden: Width = 2048,
    ) -> None:
        super().__init__(stages, classes, inner, inner_options, inner_stages)
        channels = self.inner.out_channels
        if channels % heads:
            raise segzoo.OptionError(
                f"knet needs heads that share out the {channels} channels of inner decoder {inner!r}, got {heads}"
            )
        self.coarser_channels = (classes,) * steps
        self.dropout = nn.Dropout2d(self.inner.head_dropout)
        self.kernels = nn.Parameter(torch.empty(classes, channels).normal_(std=0.01))
        self.bias = nn.Parameter(torch.zeros(classes, 1, 1))
        self.updates = nn.ModuleList(KernelUpdate(channels, heads, hidden) for _ in range(steps))

    def forward(self, features: list[Tensor], coarser: bool = False) -> Tensor | tuple[Tensor, list[Tensor]]:
        """The maps that were granted to (B, K, h, w), and to those of the steps before, from the last one back."""
        decoded = self.inner_features(features)
        kernels = self.kernels.expand(decoded.shape[0], -1, -1)
        every = [convolve(self.dropout(decoded), kernels) + self.bias]
        for update in self.updates:
            logits, kernels = update(decoded, kernels, every[-1])
            every.append(logits)
        *earlier, last = every
        return (last, earlier[::-1]) if coarser else last


class KernelUpdate(nn.Module):
    """One step, section 3.2: features are gathered by masks, update their kernels, and these make new masks."""

    def __init__(self, channels: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.transform = nn.Conv2d(channels, channels, 1)
        self.adapt = AdaptiveUpdate(channels)
        self.interact = Attention(channels, heads)
        self.interact_norm = nn.LayerNorm(channels)
        self.feed = MLP(channels, hidden, channels, layers=2)
        self.feed_norm = nn.LayerNorm(channels)
        self.mask_kernels = nn.Sequential(
            nn.Linear(channels, channels, bias=False), nn.LayerNorm(channels), nn.ReLU(), nn.Linear(channels, channels)
        )

    def forward(self, features: Tensor, kernels: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Update.

        :param features: (B, C, h, w).
        :param kernels: (B, K, C).
        :param logits: what the kernels say, (B, K, h, w).
        :returns: new logits and new kernels.
        """
        features = self.transform(features)
        kernels = self.adapt(gather(features, logits.softmax(dim=1)), kernels)
        kernels = self.interact_norm(kernels + self.interact(kernels, kernels, kernels))
        kernels = self.feed_norm(kernels + self.feed(kernels))
        return convolve(features, self.mask_kernels(kernels)), kernels


def convolve(features: Tensor, kernels: Tensor) -> Tensor:
    """Features (B, C, h, w) and kernels (B, K, C) of one pixel to (B, K, h, w)."""
    return (kernels @ features.flatten(2)).unflatten(2, features.shape[-2:])


def gather(features: Tensor, masks: Tensor) -> Tensor:
    """The sum of the features (B, C, h, w) in each mask (B, K, h, w): (B, K, C)."""
    return masks.flatten(2) @ features.flatten(2).transpose(1, 2)
