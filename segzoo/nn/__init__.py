"""The blocks that decoders are made of."""

from segzoo.nn.concat import ConcatConv2d, ConcatConvNormAct
from segzoo.nn.conv import ConvNormAct
from segzoo.nn.resize import resize

__all__ = ["ConcatConv2d", "ConcatConvNormAct", "ConvNormAct", "resize"]
