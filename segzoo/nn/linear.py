"""A linear layer over the channels of each pixel, which may be followed by another at the cost of one."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.nn.known import known


class Linear2d(nn.Module):
    """A linear layer at each pixel: (B, in, H, W) to (B, out, H, W), with the weights of a 1x1 convolution.

    Two linear layers in a row are one matrix. So `ConcatConv2d`, which is the second one, hands its part of the weight
    on to this layer (`functools.partial(linear, features)` in place of a map), and the layer multiplies both weights
    first where that is cheaper.
    """

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__()
        conv = nn.Conv2d(in_channels, out_channels, 1, bias=bias)
        self.weight, self.bias = conv.weight, conv.bias

    def forward(self, features: Tensor, onward: Tensor | None = None) -> Tensor:
        """Map each pixel.

        :param features: (B, in, H, W).
        :param onward: weight (after, out, 1, 1) of a linear layer to apply to the result.
        :returns: (B, out, H, W), or (B, after, H, W).
        """
        if onward is None:
            return F.conv2d(features, self.weight, self.bias)
        (batch, before, height, width), (after, between) = features.shape, onward.shape[:2]
        pixels = batch * height * width
        in_turn = pixels * between * (before + after)
        as_one = before * after * (pixels + between)
        if known(in_turn < as_one):
            return F.conv2d(F.conv2d(features, self.weight, self.bias), onward)
        weight = onward.flatten(1) @ self.weight.flatten(1)
        bias = None if self.bias is None else onward.flatten(1) @ self.bias
        return F.conv2d(features, weight[..., None, None], bias)
