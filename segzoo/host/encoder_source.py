"""A provider of encoders by name, and measuring what matters of one to a person choosing."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import torch

from segzoo.contract import EncoderRequest, FeatureSpec, InputSpec
from segzoo.encoder import Encoder, Pretrained
from segzoo.errors import NegotiationError
from segzoo.host.encoder_index import EncoderIndex
from segzoo.host.facts import EncoderFacts
from segzoo.verification import call_on_meta, probe_image, verify_features

OUTPUT_STRIDES = (8, 16)
"""The strides that a decoder may wish for."""


class EncoderSource(EncoderIndex):
    """A provider of encoders by name: what an encoder plugin's descriptor points to.

    One source resolves many names: all of timm is one, the six Mix Transformers are another.
    """

    @abstractmethod
    def create(self, name: str, request: EncoderRequest, pretrained: Pretrained = False) -> Encoder:
        """Build an encoder, on the default device: the core calls this on the meta device to plan.

        :param pretrained: False, True (the encoder's own published weights) or a local file.
        :raises NegotiationError: for a wish that this encoder can't grant; the core then asks again without it.
        :raises OptionError: for a depth, size or option that the encoder doesn't have.
        :raises CheckpointError: for a file that doesn't fit.
        """

    def facts(self, name: str) -> EncoderFacts:
        """What matters to a person choosing, for listings: measured here, by building the encoder on the meta device.

        A source that knows them beforehand answers at once, and one that knows more (the family, the weights that are
        published) adds it: `replace(super().facts(name), family="resnet")`.

        :raises ContractError: when the encoder doesn't do what it declares.
        """
        return self.known_facts(name) or measure_facts(self, name)


def measure_facts(source: EncoderSource, name: str) -> EncoderFacts:
    """Build an encoder on the meta device, as it is and with each wish, and see what comes out.

    :raises ContractError: when it doesn't do what it declares.
    """
    own = _build(source, name, EncoderRequest())
    facts = EncoderFacts(
        name=name,
        parameters=sum(parameter.numel() for parameter in own.parameters()),
        spec=own.spec,
        input_spec=_input_spec(own),
    )

    def granted(wish: EncoderRequest) -> FeatureSpec | None:
        try:
            return _build(source, name, wish).spec
        except NegotiationError:
            return None

    dilated = {
        stride: granted(EncoderRequest(output_stride=stride))
        for stride in OUTPUT_STRIDES
        if max(facts.native_strides, default=0) > stride
    }
    with_token = granted(EncoderRequest(prefix="concat"))
    return replace(
        facts,
        dilates_to=tuple(
            stride for stride, spec in dilated.items() if spec and max(spec.select(spec.native).strides) <= stride
        ),
        class_token=with_token is not None and with_token != own.spec,
    )


def _build(source: EncoderSource, name: str, request: EncoderRequest) -> Encoder:
    with torch.device("meta"):
        encoder = source.create(name, request)
    image = probe_image(encoder.spec, _input_spec(encoder), request.in_channels)
    verify_features(f"encoder {name}", encoder.spec, image, call_on_meta(encoder, image))
    return encoder


def _input_spec(encoder: Encoder) -> InputSpec:
    return getattr(encoder, "input_spec", None) or InputSpec()
