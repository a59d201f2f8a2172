"""What an encoder offers: built on the meta device, and held against what it declares."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from segzoo.contract import EncoderRequest, FeatureSpec, InputSpec
from segzoo.encoder import Encoder
from segzoo.errors import ContractError
from segzoo.handshake.parts import EncoderPart
from segzoo.verification import call_for_shapes, count_parameters, probe_image, verify_features


@dataclass(frozen=True)
class Offer:
    """What an encoder has been seen to do on the meta device.

    :param encoder: that was seen.
    :param image: that it was given, and the features that it returned.
    :param holds_image: whether entry 0 of them is that image, rather than a map of the encoder's own.
    """

    encoder: Encoder
    request: EncoderRequest
    spec: FeatureSpec
    input_spec: InputSpec
    parameters: int
    image: Tensor
    features: list[Tensor]
    holds_image: bool


def offer_of(part: EncoderPart, request: EncoderRequest) -> Offer:
    """Ask an encoder.

    :raises NegotiationError: for a wish that it can't grant.
    :raises ContractError: when it doesn't do what it declares.
    """
    with torch.device("meta"):
        twin = part.create(request, False)
    spec = getattr(twin, "spec", None)
    if not isinstance(spec, FeatureSpec):
        raise ContractError(f"encoder {part.part.id} needs an attribute `spec`, a segzoo.FeatureSpec; got {spec!r}")
    input_spec = getattr(twin, "input_spec", None) or InputSpec()
    image = probe_image(spec, input_spec, request.in_channels)
    features = call_for_shapes(twin, image)
    verify_features(f"encoder {part.part.id}", spec, image, features)
    on_meta = [feature.detach().to("meta") for feature in features]
    holds_image = features[0] is image
    return Offer(twin, request, spec, input_spec, count_parameters(twin), image, on_meta, holds_image)
