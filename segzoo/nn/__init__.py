"""The blocks that decoders are made of."""

from segzoo.nn.batch_norm import BatchNorm2d
from segzoo.nn.concat import ConcatConv2d, ConcatConvNormAct
from segzoo.nn.conv import ConvNormAct
from segzoo.nn.conv_norm import conv_norm
from segzoo.nn.he import he_initialise
from segzoo.nn.layout import add_maps, channels_last, channels_last_to_train
from segzoo.nn.norm_act_conv import norm_act_conv
from segzoo.nn.plain_conv import conv2d
from segzoo.nn.pooling import MaxPool, PyramidPooling, average_over_grid
from segzoo.nn.resize import resize
from segzoo.nn.squeeze_excite import ChannelGate, SpatialChannelGate
from segzoo.nn.sum_conv import conv_of_sum
from segzoo.nn.up_step import UpStep

__all__ = [
    "BatchNorm2d",
    "ChannelGate",
    "ConcatConv2d",
    "ConcatConvNormAct",
    "ConvNormAct",
    "MaxPool",
    "PyramidPooling",
    "SpatialChannelGate",
    "UpStep",
    "add_maps",
    "average_over_grid",
    "channels_last",
    "channels_last_to_train",
    "conv2d",
    "conv_norm",
    "conv_of_sum",
    "he_initialise",
    "norm_act_conv",
    "resize",
]
