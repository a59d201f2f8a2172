"""The blocks that decoders are made of."""

from segzoo.nn.batch_norm import BatchNorm2d
from segzoo.nn.concat import ConcatConv2d, ConcatConvNormAct
from segzoo.nn.conv import ConvNormAct
from segzoo.nn.he import he_initialise
from segzoo.nn.linear import Linear2d
from segzoo.nn.pooling import MaxPool, PyramidPooling, average_over_grid
from segzoo.nn.resize import resize
from segzoo.nn.squeeze_excite import ChannelGate, SpatialChannelGate
from segzoo.nn.up_step import UpStep

__all__ = [
    "BatchNorm2d",
    "ChannelGate",
    "ConcatConv2d",
    "ConcatConvNormAct",
    "ConvNormAct",
    "Linear2d",
    "MaxPool",
    "PyramidPooling",
    "SpatialChannelGate",
    "UpStep",
    "average_over_grid",
    "he_initialise",
    "resize",
]
