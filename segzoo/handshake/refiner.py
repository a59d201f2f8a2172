"""Decoders around decoders: what another one makes of the maps is refined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from torch import Tensor

from segzoo.contract import FeatureSpec, Selection
from segzoo.decoder import Decoder
from segzoo.errors import ContractError, OptionError
from segzoo.handshake.decoder_options import decoder_options, select_stages
from segzoo.handshake.parts import find_decoder
from segzoo.handshake.planning import Part


class Refiner(Decoder):
    """Base of decoders around a decoder, such as PointRend: they refine what the inner one makes of the same maps.

    Which one that is, an option names. The inner decoder gives features; the outer one classifies them, and refines
    the logits. `__init__` declares the three options that are passed on here, and `forward` asks for the features::

        class Sharpened(segzoo.Refiner):
            def __init__(
                self,
                stages,
                classes,
                inner: str = "fpn",
                inner_options: segzoo.options.Values | None = None,
                inner_stages: segzoo.options.Places | None = None,
            ):
                super().__init__(stages, classes, inner, inner_options, inner_stages)
                self.classify = nn.Conv2d(self.inner.out_channels, classes, 1)
                ...

            def forward(self, features):
                logits = self.classify(self.inner_features(features))
                ...

    The negotiation asks the inner decoder what it selects and wishes for, and adds what `beside` names.

    :param classes: how many.
    :param inner: the inner decoder's name, of one that emits features.
    :param inner_options: the inner decoder's own; None leaves each at its default.
    :param inner_stages: the places, among the stages that this decoder was granted, of those that the inner one takes;
        None for all. The negotiation settles them.
    :raises UnknownNameError: when no plugin provides the inner decoder.
    :raises OptionError: when the inner decoder doesn't emit features, refines one itself, or has no such options.
    """

    emits: ClassVar[Literal["features", "logits", "queries"]] = "logits"

    inner: Decoder
    inner_part: Part
    inner_stages: tuple[int, ...]

    def __init__(
        self,
        stages: FeatureSpec,
        classes: int,
        inner: str,
        inner_options: Mapping[str, Any] | None = None,
        inner_stages: Sequence[int] | None = None,
    ) -> None:
        super().__init__(stages, out_channels=classes)
        options = inner_options or {}
        self.inner_part, kind = _find_inner(inner, options)
        self.inner_stages = tuple(range(len(stages)) if inner_stages is None else inner_stages)
        self.inner = kind(stages.select(self.inner_stages), **decoder_options(kind).to_construct(options))
        self.head_align_corners = self.inner.head_align_corners

    @classmethod
    def negotiate(cls, offer: FeatureSpec, **options: Any) -> Selection:
        """What the inner decoder selects and wishes for, and the stages that `beside` names.

        :raises NegotiationError: when the inner decoder, or this one around it, can't do with this offer.
        :raises UnknownNameError: when no plugin provides the inner decoder.
        :raises OptionError: when the inner decoder doesn't emit features, refines one itself, drives the encoder's
            blocks, or has no such options.
        :raises ContractError: when its answer makes no sense.
        """
        given = options["inner_options"] or {}
        part, kind = _find_inner(options["inner"], given)
        taken = select_stages(kind, offer, given)
        if not isinstance(taken, Selection):
            raise ContractError(f"inner decoder {part.id} was offered {len(offer)} entries and answered {taken!r}")
        if taken.tokens is not None:
            raise OptionError(
                f"inner decoder {part.id} drives the encoder's last blocks, and takes no maps; name another"
            )
        roles = {**cls.beside(offer, taken, **options), **dict(zip(taken.stages, taken.roles, strict=True))}
        stages = sorted(roles)
        return replace(
            taken,
            stages=tuple(stages),
            roles=tuple(roles[stage] for stage in stages),
            placeholders=any(offer.is_placeholder(stage) for stage in stages),
            options={
                "inner": part.id,
                "inner_options": {**given, **taken.options},
                "inner_stages": [stages.index(stage) for stage in taken.stages],
            },
        )

    @classmethod
    def beside(cls, offer: FeatureSpec, taken: Selection, **options: Any) -> Mapping[int, str]:
        """The stages that the refinement itself takes, each with its role in a word; none by default.

        Placeholders may be among them. A stage that the inner decoder takes too keeps the role that it has there.

        :param offer: the encoder's full feature list.
        :param taken: what the inner decoder selects of it.
        :param options: every option.
        :raises OptionError: when it can't refine that inner decoder.
        """
        return {}

    def inner_features(self, features: list[Tensor]) -> Tensor:
        """What the inner decoder makes of its stages: (B, inner.out_channels, h, w).

        :param features: the maps that `forward` is given.
        """
        made: Tensor = self.inner([features[stage] for stage in self.inner_stages])
        return made

    def anneal(self, progress: float) -> None:
        self.inner.anneal(progress)

    def no_weight_decay(self) -> set[str]:
        return {f"inner.{name}" for name in self.inner.no_weight_decay()}


def _find_inner(inner: str, options: Mapping[str, Any]) -> tuple[Part, type[Decoder]]:
    part, kind = find_decoder(inner)
    assert isinstance(kind, type)  # found by name
    if issubclass(kind, Refiner) or kind.emits != "features":
        does = "refines another one itself" if issubclass(kind, Refiner) else f"emits {kind.emits}"
        raise OptionError(f"an inner decoder emits features, and {part.id} {does}; name another")
    decoder_options(kind).check(f"inner decoder {part.id}", options)
    return part, kind
