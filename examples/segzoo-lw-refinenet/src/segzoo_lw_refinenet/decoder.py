"""Light-Weight RefineNet for Real-Time Semantic Segmentation, arXiv:1810.03272, figure 2.

B     batch
C     channels of a map that the encoder gives
D     channels of the decoder, its option `width`; 2 D at the deepest map
h, w  height and width of a map

RefineNet (arXiv:1611.06612) with 1x1 convolutions where it has 3x3, and without its residual units. What then are two
linear layers in a row, the reduction of a map and its part in the fusion, is one here. Weights begin as torch's do: the
chains have no norm, and with larger ones logits would begin at hundreds.
"""

from __future__ import annotations

import segzoo
from segzoo.nn import resize
from segzoo.options import Count, Width
from torch import Tensor, nn


class LightWeightRefineNetDecoder(segzoo.Decoder):
    """From the deepest map to the finest: refined by chained pooling, resized, and added to the next map.

    :param width: channels of each map, and of the output.
    :param links: of each chain.
    """

    finest_stride = 4
    pyramid = True  # several resolutions are what there is to fuse
    role = "refined"
    head_kernel = 3

    def __init__(self, stages: segzoo.FeatureSpec, width: Width = 256, links: Count = 4) -> None:
        super().__init__(stages, out_channels=width)
        *finer, deepest = stages.channels
        self.reduce = nn.Conv2d(deepest, 2 * width, 1, bias=False)  # C to 2 D
        self.deepest = nn.Sequential(ChainedPooling(2 * width, links), nn.Conv2d(2 * width, width, 1, bias=False))
        self.fusions = nn.ModuleList(Fusion(channels, width, links) for channels in reversed(finer))

    def forward(self, features: list[Tensor]) -> Tensor:
        *finer, deepest = features
        refined = self.deepest(self.reduce(deepest))
        for fuse, feature in zip(self.fusions, reversed(finer), strict=True):
            refined = fuse(feature, refined)
        return refined  # (B, D, h, w) of the finest map


class Fusion(nn.Module):
    """A map at 1x1, plus the coarser one resized, refined by a chain."""

    def __init__(self, channels: int, width: int, links: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, width, 1, bias=False)  # C to D
        self.adapt = nn.Conv2d(width, width, 1, bias=False)
        self.chain = ChainedPooling(width, links)

    def forward(self, feature: Tensor, coarser: Tensor) -> Tensor:
        return self.chain(self.reduce(feature) + resize(self.adapt(coarser), feature.shape[-2:]))


class ChainedPooling(nn.Module):
    """Pooling over 5x5 and a 1x1 convolution, time after time; all that comes of it is added up."""

    def __init__(self, width: int, links: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(width, width, 1, bias=False) for _ in range(links))

    def forward(self, x: Tensor) -> Tensor:
        total = link = nn.functional.relu(x)
        for convolution in self.convolutions:
            link = convolution(nn.functional.max_pool2d(link, 5, stride=1, padding=2))
            total = total + link
        return total
