"""LinkNet: Exploiting Encoder Representations for Efficient Semantic Segmentation, arXiv:1707.03718.

B         batch
C_i       channels of stage i; 0 for a placeholder
D         channels at the image's own resolution
H_i, W_i  size of stage i; stage 0 has the image's
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

import segzoo
from segzoo.nn import BatchNorm2d, ConvNormAct, resize
from segzoo.options import Width


class LinkNetDecoder(segzoo.Decoder):
    """From the deepest map, stage by stage, to the image's own resolution; the encoder's map of each stage is added.

    Where the encoder has no map there is nothing to add, and the width of the stage below is kept.

    :param width: channels at the image's resolution, as in segmentation_models_pytorch.
    """

    placeholders = True
    pyramid = True
    role = "link"

    def __init__(self, stages: segzoo.FeatureSpec, width: Width = 32) -> None:
        super().__init__(stages, out_channels=width)
        *links, deepest = stages.channels[1:]
        widths = [deepest]
        for link in reversed(links):
            widths.append(link or widths[-1])
        self.steps = nn.ModuleList(LinkStep(*pair) for pair in pairwise([*widths, width]))

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        finest, *links, deepest = features
        decoded = deepest
        for step, link in zip(self.steps, [*reversed(links), finest[:, :0]], strict=True):
            decoded = step(decoded, size=link.shape[-2:])
            if link.shape[1]:
                decoded = decoded + link
        return decoded


class LinkStep(nn.Module):
    """Reduce to a quarter of the channels, double the size, expand."""

    def __init__(self, below: int, width: int) -> None:
        super().__init__()
        quarter = max(1, below // 4)
        self.reduce = ConvNormAct(below, quarter, 1)
        self.grow = nn.Sequential(
            nn.ConvTranspose2d(quarter, quarter, kernel_size=4, stride=2, padding=1),
            BatchNorm2d(quarter),
            nn.ReLU(inplace=True),
        )
        self.expand = ConvNormAct(quarter, width, 1)

    def forward(self, below: Tensor, size: Sequence[int]) -> Tensor:
        return self.expand(resize(self.grow(self.reduce(below)), size))
