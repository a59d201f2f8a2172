"""Convolution, norm and activation: the block that nearly every decoder repeats."""

from __future__ import annotations

from collections.abc import Callable

from timm.layers import get_act_layer, get_norm_layer
from torch import nn

from segzoo.errors import OptionError
from segzoo.nn.batch_norm import BatchNorm2d
from segzoo.nn.instance_norm import InstanceNorm2d

Layer = str | Callable[..., nn.Module] | None
"""A kind of layer: timm's name for it ("batchnorm2d", "groupnorm", "layernorm2d"; "relu", "gelu"), a class, or None.
"instancenorm2d" is a norm too."""


def make_norm(norm: Layer, channels: int) -> nn.Module:
    """A norm for a number of channels; the identity for None. "groupnorm" has 32 groups.

    :raises OptionError: for a name that timm doesn't have, and channels that the groups can't share out.
    """
    if norm is None:
        return nn.Identity()
    if norm == "batchnorm2d":
        return BatchNorm2d(channels)
    if norm == "instancenorm2d":
        return InstanceNorm2d(channels)
    if not isinstance(norm, str):
        return norm(channels)
    try:
        return get_norm_layer(norm)(channels)
    except (AssertionError, KeyError, ValueError) as error:
        raise OptionError(
            f"there is no norm {norm!r} of {channels} channels: take 'batchnorm2d', 'groupnorm1', 'layernorm2d', None "
            "or a class, or 'groupnorm' for a multiple of 32 channels"
        ) from error


def make_act(act: Layer) -> nn.Module:
    """An activation; the identity for None."""
    if act is None:
        return nn.Identity()
    made = get_act_layer(act)() if isinstance(act, str) else act()
    if isinstance(made, nn.ReLU):
        made.inplace = True  # a norm or a convolution goes before, and keeps its input, not what it gave
    return made


class ConvNormAct(nn.Sequential):
    """Convolution that keeps the size, then a norm, then an activation: (B, in, H, W) to (B, out, H, W).

    :param kernel: an odd number.
    :param bias: of the convolution; by default only where no norm follows.
    :param norm: a name, a class or None; likewise `act`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 3,
        *,
        dilation: int = 1,
        groups: int = 1,
        bias: bool | None = None,
        norm: Layer = "batchnorm2d",
        act: Layer = "relu",
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel,
            padding=dilation * (kernel // 2),
            dilation=dilation,
            groups=groups,
            bias=norm is None if bias is None else bias,
        )
        self.norm = make_norm(norm, out_channels)
        self.act = make_act(act)
