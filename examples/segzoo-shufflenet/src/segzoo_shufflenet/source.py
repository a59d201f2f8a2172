"""Which encoders there are, and how each is built."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Literal
from urllib.error import URLError

import segzoo
from torch import Tensor
from torchvision.models import ShuffleNetV2, get_model, get_model_weights

from segzoo_shufflenet.encoder import ShuffleNetEncoder

STEM = 24
VARIANTS = {  # channels of the last three stages: table 5 of the paper
    "shufflenet_v2_x0_5": (48, 96, 192),
    "shufflenet_v2_x1_0": (116, 232, 464),
    "shufflenet_v2_x1_5": (176, 352, 704),
    "shufflenet_v2_x2_0": (244, 488, 976),
}


class ShuffleNetSource(segzoo.EncoderSource):
    """`shufflenet_v2_x0_5` to `shufflenet_v2_x2_0`, without options."""

    def names(self) -> Sequence[str]:
        return list(VARIANTS)

    def create(
        self,
        name: str,
        request: segzoo.EncoderRequest,
        pretrained: segzoo.Pretrained = False,
    ) -> ShuffleNetEncoder:
        if request.output_stride is not None or request.prefix is not None:  # wishes: segzoo asks again without them
            raise segzoo.NegotiationError(f"{name} can't be dilated, and has no class token")
        if request.options:
            raise segzoo.OptionError(f"{name} has no options, got {', '.join(request.options)}")
        network = get_model(name)
        if pretrained is not False:
            load(network, name, pretrained)
        return ShuffleNetEncoder(network, (STEM, STEM, *VARIANTS[name]), request.in_channels, request.depth)


def load(network: ShuffleNetV2, name: str, pretrained: Literal[True] | str | PathLike[str]) -> None:
    """Load torchvision's weights, or a file of them.

    :raises CheckpointError: when they can't be had, or don't fit.
    """
    try:
        weights = published(name) if pretrained is True else segzoo.read_weights(pretrained)
        network.load_state_dict(weights)
    except (URLError, RuntimeError) as error:
        where = "torchvision's weights" if pretrained is True else f"the weights in {pretrained}"
        raise segzoo.CheckpointError(f"{where} can't be loaded into {name}: {error}") from error


def published(name: str) -> dict[str, Tensor]:
    """The weights that torchvision publishes, from the network or torch's cache."""
    return dict(get_model_weights(name).DEFAULT.get_state_dict(progress=True, check_hash=True))
