"""The blocks that decoders are made of."""

from segzoo.nn.conv import ConvNormAct
from segzoo.nn.resize import resize

__all__ = ["ConvNormAct", "resize"]
