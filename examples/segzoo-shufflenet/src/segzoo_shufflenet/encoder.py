"""ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design, arXiv:1807.11164, figure 3 and table 5.

B     batch
C     channels of a stage
h, w  height and width of its map
"""

from __future__ import annotations

from collections.abc import Sequence

import segzoo
from torch import Tensor, nn
from torchvision.models import ShuffleNetV2

STRIDES = (1, 2, 4, 8, 16, 32)


class ShuffleNetEncoder(segzoo.Encoder):
    """torchvision's network up to its last stage; what classifies images is left away.

    :param network: as torchvision builds it.
    :param widths: channels of its five stages: first convolution, pooling, and what the paper calls stages 2 to 4.
    :param in_channels: of the image; for other than three, the first convolution starts anew.
    :param depth: the deepest stage, 1 to 5; what lies deeper is left away.
    :raises OptionError: for another depth.
    """

    def __init__(
        self, network: ShuffleNetV2, widths: Sequence[int], in_channels: int = 3, depth: int | None = None
    ) -> None:
        depth = len(widths) if depth is None else depth
        if depth not in range(1, len(STRIDES)):
            raise segzoo.OptionError(f"ShuffleNet has stages 1 to {len(widths)}; got depth={depth}")
        super().__init__(
            segzoo.FeatureSpec((in_channels, *widths[:depth]), STRIDES[: depth + 1]),
            preprocessing=segzoo.Preprocessing().for_channels(in_channels),
        )
        if in_channels != network.conv1[0].in_channels:
            network.conv1[0] = nn.Conv2d(in_channels, widths[0], 3, stride=2, padding=1, bias=False)
        stages = [network.conv1, network.maxpool, network.stage2, network.stage3, network.stage4]
        self.stages = nn.ModuleList(stages[:depth])

    def forward(self, image: Tensor) -> list[Tensor]:
        maps: dict[int, Tensor] = {}
        last = image
        for number, stage in enumerate(self.stages, start=1):
            last = maps[number] = stage(last)  # (B, C, h, w)
        return self.complete(image, maps)
