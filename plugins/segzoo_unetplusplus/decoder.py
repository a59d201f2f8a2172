"""UNet++: A Nested U-Net Architecture for Medical Image Segmentation, arXiv:1807.10165.

B         batch
C_i       channels of stage i; 0 for a placeholder
D         channels at the image's own resolution
H_i, W_i  size of stage i, and of its row; stage 0 has the image's
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import UpStep
from segzoo.options import Interpolation, Norm, Widths


class UNetPlusPlusDecoder(segzoo.Decoder):
    """A triangle of nodes: each grows its neighbour below and joins it with every node before it in its own row.

    A row is a resolution, coarse to fine. Its first entry is the encoder's map, if there is one; its last one is
    U-Net's decoder; those between are as wide as the encoder's map, or else as U-Net's decoder. At the image's
    own resolution there is one node, as in segmentation_models_pytorch, whose widths are the default. Deep
    supervision is not part of it.

    :param widths: channels of each row's last node, coarse to fine; by default 16 at the image's resolution, doubled
        with each step towards the deepest stage.
    :param attention: "scse" recalibrates pixels and channels of each node (arXiv:1803.02579).
    :param norm: timm's name of the norm after each convolution; None for none.
    :param upsample: how a map is grown.
    :raises OptionError: when there isn't a width for each step.
    """

    placeholders = True
    pyramid = True
    role = "row"
    head_kernel = 3
    memory_format = torch.channels_last

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        widths: Widths | None = None,
        attention: Literal["scse"] | None = None,
        norm: Norm = "batchnorm2d",
        upsample: Interpolation = "nearest",
    ) -> None:
        steps = len(stages) - 1
        widths = [16 * 2**step for step in reversed(range(steps))] if widths is None else list(widths)
        if len(widths) != steps:
            raise segzoo.OptionError(
                f"unetplusplus needs a width for each of {steps} steps, coarse to fine, got {widths}"
            )
        super().__init__(stages, out_channels=widths[-1])
        *skips, deepest = stages.channels[1:]
        options: dict[str, Any] = {"norm": norm, "mode": upsample, "recalibrate": attention == "scse"}
        self.rows = nn.ModuleList()
        row = [deepest]
        for skip, width in zip(reversed(skips), widths, strict=False):
            coarser, row, nodes = row, [skip] if skip else [], nn.ModuleList()
            for below, node_width in zip(coarser, [skip or width] * (len(coarser) - 1) + [width], strict=True):
                nodes.append(UpStep(below, row[::-1], node_width, **options))
                row.append(node_width)
            self.rows.append(nodes)
        self.last = UpStep(row[-1], [], widths[-1], **options)

    def forward(self, features: list[Tensor]) -> Tensor:
        """(B, C_i, H_i, W_i) each to (B, D, H_0, W_0)."""
        finest, *skips, deepest = features
        row = [deepest]
        for nodes, skip in zip(self.rows, reversed(skips), strict=True):
            coarser, row = row, [skip] if skip.shape[1] else []
            for node, below in zip(nodes.children(), coarser, strict=True):
                row.append(node(below, row[::-1], size=skip.shape[-2:]))
        return self.last(row[-1], [], size=finest.shape[-2:])
