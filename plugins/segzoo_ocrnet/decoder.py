"""Segmentation Transformer: Object-Contextual Representations for Semantic Segmentation, arXiv:1909.11065.

B         batch
C_i       channels of map i, fine to coarse
D         channels of the pixels and of the object regions
K         classes, and so regions
H_i, W_i  size of map i
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import ConcatConvNormAct, ConvNormAct, he_initialise, object_regions
from segzoo.options import Dropout, Width


class OCRDecoder(segzoo.Decoder):
    """A coarse guess of each class's region, the mean of the pixels in it, and each pixel's attention to those means.

    All maps from stride 4 on are joined at the finest, as on HRNet in the paper. `encoder_options={"output_stride": 8}`
    gives the paper's dilated ResNets. timm's HRNets widen their maps for classification, to 1920 channels in all for
    W48; `encoder_options={"head": ""}` gives the paper's, 720. The training loss of the paper adds 0.4 times that of
    the coarse logits, which `forward_with_coarse` returns too.

    :param classes: how many.
    :param width: channels of the pixels and of the object regions.
    :param key_width: channels in which a pixel is compared with a region.
    :param coarse_width: channels of the coarse classifier's hidden layer; the width if None. HRNetV2-W48 in the paper
        has 720, the sum of its maps.
    :param dropout: of whole channels, before the last classifier.
    """

    emits = "logits"
    finest_stride = 4
    role = "joined"
    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        width: Width = 512,
        key_width: Width = 256,
        coarse_width: Width | None = None,
        dropout: Dropout = 0.05,
    ) -> None:
        coarse_width = width if coarse_width is None else coarse_width
        super().__init__(stages, out_channels=classes)
        self.coarse = ConcatConvNormAct(stages.channels, coarse_width, kernel=1)
        self.coarse_classifier = nn.Conv2d(coarse_width, classes, 1)
        self.pixels = ConcatConvNormAct(stages.channels, width, kernel=3)
        self.attention = ObjectAttention(width, key_width)
        self.augment = ConcatConvNormAct([width, width], width, kernel=1)
        self.dropout = nn.Dropout2d(dropout)
        self.classifier = nn.Conv2d(width, classes, 1)
        self.apply(he_initialise)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, K, H_0, W_0)."""
        logits, _ = self.forward_with_coarse(features)
        return logits

    def forward_with_coarse(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Decode, and keep the coarse guess for an auxiliary loss.

        :param features: as `forward` takes them.
        :returns: logits and coarse logits, (B, classes, h, w) both, of the finest map's size.
        """
        size = features[0].shape[-2:]
        coarse = self.coarse_classifier(self.coarse(features, size))
        pixels = self.pixels(features, size)
        context = self.attention(pixels, object_regions(pixels, coarse))
        augmented = self.augment([context, pixels], size)
        return self.classifier(self.dropout(augmented)), coarse


class ObjectAttention(nn.Module):
    """Each pixel's attention to the object regions: (B, C, h, w) and (B, C, K, 1) to (B, C, h, w)."""

    def __init__(self, width: int, key_width: int) -> None:
        super().__init__()
        self.query = two_layers(width, key_width)
        self.key = two_layers(width, key_width)
        self.value = ConvNormAct(width, key_width, kernel=1)
        self.out = ConvNormAct(key_width, width, kernel=1)

    def forward(self, pixels: Tensor, regions: Tensor) -> Tensor:
        query, key, value = (
            layer(each)
            .flatten(2)
            .transpose(-2, -1)
            .contiguous()[:, None]  # one head: ONNX has no attention without that axis
            for layer, each in ((self.query, pixels), (self.key, regions), (self.value, regions))
        )
        context = F.scaled_dot_product_attention(query, key, value)
        return self.out(context[:, 0].transpose(-2, -1).unflatten(2, pixels.shape[-2:]))


def two_layers(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(ConvNormAct(channels, width, kernel=1), ConvNormAct(width, width, kernel=1))
