"""The blocks that decoders are made of."""

from segzoo.nn.attention import Attention, attention_mask
from segzoo.nn.batch_norm import BatchNorm2d
from segzoo.nn.carafe import CARAFE
from segzoo.nn.concat import ConcatConv2d, ConcatConvNormAct
from segzoo.nn.conv import ConvNormAct
from segzoo.nn.deformable_attention import DeformableAttention
from segzoo.nn.dysample import DySample
from segzoo.nn.he import he_initialise
from segzoo.nn.linear import Linear2d
from segzoo.nn.mlp import MLP
from segzoo.nn.pooling import MaxPool, PyramidPooling, average_over_grid, average_to
from segzoo.nn.positions import cell_centres, sine_positions
from segzoo.nn.regions import object_regions
from segzoo.nn.resize import resize
from segzoo.nn.squeeze_excite import ChannelGate, SpatialChannelGate
from segzoo.nn.sub_pixel import SubPixelConv2d
from segzoo.nn.up_step import UpStep
from segzoo.nn.upsampler import make_upsampler, resize_mode

__all__ = [
    "CARAFE",
    "MLP",
    "Attention",
    "BatchNorm2d",
    "ChannelGate",
    "ConcatConv2d",
    "ConcatConvNormAct",
    "ConvNormAct",
    "DeformableAttention",
    "DySample",
    "Linear2d",
    "MaxPool",
    "PyramidPooling",
    "SpatialChannelGate",
    "SubPixelConv2d",
    "UpStep",
    "attention_mask",
    "average_over_grid",
    "average_to",
    "cell_centres",
    "he_initialise",
    "make_upsampler",
    "object_regions",
    "resize",
    "resize_mode",
    "sine_positions",
]
