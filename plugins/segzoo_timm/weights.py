"""Weights for a timm model: timm loads them, and what it would pass over in silence is an error here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import segzoo
import timm
import torch
from timm.models import adapt_input_conv
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from segzoo_timm.encoder import TimmEncoder
from segzoo_timm.quirks import CHANNELS_BEFORE_PIXELS
from segzoo_timm.survey import Survey, build

WRAPPERS = ("module.", "_orig_mod.", "body.")  # what torch and TimmEncoder put before timm's names


def build_with_weights(name: str, in_channels: int, found: Survey, pretrained: segzoo.Pretrained) -> nn.Module:
    """The model with its published weights, or those of a file, all layers included.

    timm resizes position embeddings to the image size. Weights for another number of channels are adapted: summed for
    one channel, repeated and rescaled for more.

    :raises CheckpointError: when the weights can't be had, or are another architecture's.
    """
    per_channel = _weights_per_channel(name, found)
    if pretrained is True:
        source = f"the published weights of {name}"
        advice = "check the connection, give a file (pretrained='path/to/weights.safetensors'), or pretrained=False"
        channels, overlay = None, {}
    else:
        source = f"{str(pretrained)!r}"
        advice = f"expected the state dict of timm.create_model({name!r}), with or without its classifier"
        weights = _backbone(name, found, segzoo.read_weights(pretrained))
        channels = next((weights[key].shape[1] // count for key, count in per_channel.items() if key in weights), None)
        overlay = {"state_dict": weights, "source": ""}
    

def _weights_per_channel(name: str, found: Survey) -> dict[str, int]:
    """The weights that depend on the image's channels, and how many inputs of theirs there are for each."""
    one, two = _names(name, 1, found), _names(name, 2, found)
    return {key: two[key].shape[1] - one[key].shape[1] for key in one if two[key].shape != one[key].shape}
