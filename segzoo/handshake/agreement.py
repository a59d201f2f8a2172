"""A plan, and the parts that it is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from segzoo.contract import FeatureSpec
from segzoo.decoder import Decoder
from segzoo.encoder import Encoder, Pretrained
from segzoo.errors import ContractError
from segzoo.handshake.decoder_options import decoder_options
from segzoo.handshake.parts import EncoderPart, find_decoder, find_encoder, find_neck
from segzoo.handshake.planning import Plan
from segzoo.head import Classes
from segzoo.neck import Neck


@dataclass(frozen=True)
class Agreement:
    """A plan with what builds its parts, on the default device."""

    plan: Plan
    encoder: EncoderPart
    neck: type[Neck] | None
    decoder: type[Decoder] | Decoder

    @classmethod
    def of(cls, plan: Plan) -> Agreement:
        """What a saved plan says, with today's plugins for its parts.

        :raises UnknownNameError: when a plugin is missing.
        """
        return cls(
            plan,
            find_encoder(plan.encoder.id),
            find_neck(plan.neck.id)[1] if plan.neck else None,
            find_decoder(plan.decoder.id)[1],
        )

    def build_encoder(self, pretrained: Pretrained = False) -> Encoder:
        """The encoder.

        :raises ContractError: when it isn't what was planned.
        """
        encoder = self.encoder.create(self.plan.request, pretrained)
        # a plan from before blocks could be driven says nothing of them
        if encoder.spec != replace(self.plan.encoder_spec, blocks=encoder.spec.blocks):
            raise ContractError(
                f"encoder {self.plan.encoder.id} planned {self.plan.encoder_spec}, and was built as {encoder.spec}"
            )
        return encoder

    def build_neck(self) -> Neck | None:
        """The neck, if there is one."""
        return self.neck(self.plan.encoder_spec, self.plan.neck_stages) if self.neck else None

    def build_decoder(self, classes: Classes) -> Decoder:
        """The decoder; the module itself where it was given as one.

        :raises OptionError: when the plan has options that the decoder doesn't take.
        """
        if isinstance(self.decoder, Decoder):
            return self.decoder
        decoder_options(self.decoder).check(f"decoder {self.plan.decoder.id}", self.plan.decoder_options)
        stages = self.plan.spec.select(self.plan.stages)
        return construct_decoder(self.decoder, stages, classes, self.plan.decoder_options)


def construct_decoder(
    decoder: type[Decoder], stages: FeatureSpec, classes: Classes, options: Mapping[str, Any]
) -> Decoder:
    """A decoder for the stages that it was granted."""
    classifying: dict[str, Any] = {} if decoder.emits == "features" else {"classes": classes.total}
    return decoder(stages, **classifying, **decoder_options(decoder).to_construct(options))
