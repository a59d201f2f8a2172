"""An encoder made of timm's layers, its maps taken and its layers dilated where SMP does so."""

from __future__ import annotations

import math
from collections.abc import Collection

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo_smp.recipe import Recipe


class SMPEncoder(segzoo.Encoder):
    """A sequence of layers for each map.

    :param depth: the deepest stage; what lies deeper is not built.
    :param output_stride: the largest stride; every convolution of a deeper stage is dilated, the first one too, where
        timm's and torchvision's first one is not.
    """

    def __init__(self, recipe: Recipe, in_channels: int, depth: int, output_stride: int | None = None) -> None:
        with torch.device("meta"):
            twin = build_stages(recipe, in_channels, depth, output_stride).eval()
            maps = run(twin, torch.empty(1, in_channels, 64, 64), recipe.activated)
        strides = (min(2**stage, output_stride or 2**stage) for stage in range(depth + 1))
        super().__init__(
            segzoo.FeatureSpec((in_channels, *(each.shape[1] for each in maps)), tuple(strides)),
            preprocessing=segzoo.Preprocessing().for_channels(in_channels),
        )
        self.stages = build_stages(recipe, in_channels, depth, output_stride)
        self.activated = recipe.activated

    def forward(self, image: Tensor) -> list[Tensor]:
        return self.complete(image, dict(enumerate(run(self.stages, image, self.activated), start=1)))


def run(stages: nn.ModuleList, image: Tensor, activated: Collection[int] = ()) -> list[Tensor]:
    """The map of each stage, after a ReLU of those whose number is `activated`."""
    maps, passed = [], image
    for number, stage in enumerate(stages, start=1):
        passed = stage(passed)
        # Older versions of timm have the two paths of a dual path network apart.
        whole = torch.cat(passed, dim=1) if isinstance(passed, tuple) else passed
        maps.append(whole.relu() if number in activated else whole)
    return maps


def build_stages(recipe: Recipe, in_channels: int, depth: int, output_stride: int | None) -> nn.ModuleList:
    body = timm.create_model(recipe.architecture, in_chans=in_channels, num_classes=0, **recipe.options)
    for path in recipe.without_act:
        body.get_submodule(path).act = nn.Identity()
    stages = nn.ModuleList(
        nn.Sequential(*(body.get_submodule(path) for path in paths)) for paths in recipe.stages[:depth]
    )
    for number, stage in enumerate(stages, start=1):
        if output_stride is not None and 2**number > output_stride:
            dilate(stage, 2**number // output_stride)
    if recipe.pads:
        pad(stages)
    if recipe.padded_for is not None:
        pad_as_for(stages, recipe.padded_for)
    return stages


def dilate(stage: nn.Module, rate: int) -> None:
    """Dilate every convolution, and stride none."""
    for conv in stage.modules():
        if isinstance(conv, nn.Conv2d):
            conv.stride, conv.dilation = (1, 1), (rate, rate)
            conv.padding = tuple(rate * (side // 2) for side in conv.kernel_size)


def pad(stages: nn.ModuleList) -> None:
    """Pad 3x3 convolutions and max poolings by one pixel on all sides."""
    for layer in stages.modules():
        if isinstance(layer, nn.MaxPool2d) or (isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3)):
            layer.padding = (1, 1)


def pad_as_for(stages: nn.ModuleList, side: int) -> None:
    """Give strided convolutions the padding that TensorFlow's "SAME" comes to for a square image.

    :param side: of that image, in pixels.
    """
    for parent in list(stages.modules()):
        for name, conv in list(parent.named_children()):
            if isinstance(conv, nn.Conv2d) and conv.stride != (1, 1):
                stride, kernel = conv.stride[0], conv.kernel_size[0]
                reached = math.ceil(side / stride)
                total = max(0, (reached - 1) * stride + kernel - side)
                setattr(parent, name, UnevenlyPaddedConv2d(conv, before=total // 2, after=total - total // 2))
                side = reached


class UnevenlyPaddedConv2d(nn.Conv2d):
    """A convolution padded by other numbers of pixels at the left and the top than at the right and the bottom."""

    def __init__(self, conv: nn.Conv2d, before: int, after: int) -> None:
        super().__init__(
            conv.in_channels,
            conv.out_channels,
            (conv.kernel_size[0], conv.kernel_size[1]),
            (conv.stride[0], conv.stride[1]),
            groups=conv.groups,
            bias=conv.bias is not None,
        )
        self.load_state_dict(conv.state_dict())
        self.margins = (before, after, before, after)

    def forward(self, features: Tensor) -> Tensor:
        return super().forward(F.pad(features, self.margins))
