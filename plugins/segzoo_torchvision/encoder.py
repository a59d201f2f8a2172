"""Searching for MobileNetV3, arXiv:1905.02244, as torchvision takes its maps and dilates it.

Made of timm's layers. timm gives the last block of each resolution, torchvision the first; and of the blocks that are
dilated timm dilates all but the first, torchvision all of them.
"""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import segzoo
from segzoo_torchvision.index import NAME, TorchvisionIndex

ARCHITECTURE = "mobilenetv3_large_100"
CHANNELS = (16, 24, 40, 80, 960)
TAPS = (0, 2, 4, 7, 16)
"""The layers that give the map of each stage: the stem, the first block of each resolution, the last layer."""
DILATED = range(13, 16)
"""The blocks of stride 32, which are dilated to 16."""


class TorchvisionMobileNetV3(segzoo.Encoder):
    """MobileNetV3-Large.

    :param depth: the deepest stage; what lies deeper is not built.
    :param dilated: whether the deepest map is of stride 16 rather than 32.
    """

    def __init__(self, in_channels: int = 3, depth: int | None = None, dilated: bool = False) -> None:
        depth = len(TAPS) if depth is None else depth
        if depth not in range(1, len(TAPS) + 1):
            raise segzoo.OptionError(f"{NAME} has no depth {depth!r}; give one from 1 to {len(TAPS)}")
        strides = (1, 2, 4, 8, 16, 16 if dilated else 32)
        super().__init__(
            segzoo.FeatureSpec((in_channels, *CHANNELS)[: depth + 1], strides[: depth + 1]),
            preprocessing=segzoo.Preprocessing().for_channels(in_channels),
        )
        body: Any = timm.create_model(ARCHITECTURE, in_chans=in_channels, num_classes=0, bn_eps=1e-3, bn_momentum=0.01)
        stem = nn.Sequential(body.conv_stem, body.bn1)
        layers = [stem, *(block for stage in body.blocks for block in stage)]
        if dilated:
            for index in DILATED:
                dilate(layers[index].conv_dw, rate=2)
        self.taps = TAPS[:depth]
        self.layers = nn.ModuleList(layers[: self.taps[-1] + 1])
        self.grad_checkpointing = False

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = []
        feature = image
        for index, layer in enumerate(self.layers):
            feature = checkpoint(layer, feature, use_reentrant=False) if self.grad_checkpointing else layer(feature)
            if index in self.taps:
                maps.append(feature)
        return self.complete(image, dict(enumerate(maps, start=1)))

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        self.grad_checkpointing = enable

    def group_matcher(self, coarse: bool = False) -> segzoo.Matcher:
        return {"layers": r"^layers\.(\d+)"}


def dilate(conv: nn.Conv2d, rate: int) -> None:
    """Dilate a convolution in place of its stride."""
    conv.stride, conv.dilation = (1, 1), (rate, rate)
    conv.padding = tuple(rate * (side // 2) for side in conv.kernel_size)


class TorchvisionSource(TorchvisionIndex, segzoo.EncoderSource):
    """Encoders for the weights of imported models; listings leave them out, since timm's serve new models as well."""

    def create(
        self, name: str, request: segzoo.EncoderRequest, pretrained: segzoo.Pretrained = False
    ) -> TorchvisionMobileNetV3:
        if request.options:
            raise segzoo.OptionError(f"{name} has no option {', '.join(request.options)}; it has none")
        if request.prefix is not None:
            raise segzoo.NegotiationError(f"{name} can't give prefix={request.prefix!r}: it has no class token")
        if request.output_stride not in (None, 16, 32):
            raise segzoo.NegotiationError(f"{name} can't be dilated to stride {request.output_stride}, to 16 only")
        if pretrained is not False:
            raise segzoo.CheckpointError(
                f"{name} has no published weights by itself; import a whole model of torchvision's, or take timm's "
                f"{ARCHITECTURE!r}"
            )
        return TorchvisionMobileNetV3(request.in_channels, request.depth, dilated=request.output_stride == 16)
