"""The plan: what encoder and decoder agreed on, as plain data. It prints as a table and is saved as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from segzoo.contract import EncoderRequest, FeatureSpec, InputSpec
from segzoo.errors import CheckpointError


@dataclass(frozen=True)
class Part:
    """One part of a model and where it comes from.

    :param id: `distribution:name`, or the dotted path of a class that no plugin provides.
    :param distribution: that provides it, None for a class or module given by hand.
    :param version: of the distribution.
    :param parameters: how many.
    """

    id: str
    distribution: str | None = None
    version: str | None = None
    parameters: int = 0


@dataclass(frozen=True)
class Row:
    """One stage of a plan.

    :param origin: image, native, dilated, placeholder or neck.
    :param role: what the decoder does with it; None when it doesn't take it.
    """

    stage: int
    stride: int
    channels: int
    origin: str
    role: str | None


@dataclass(frozen=True)
class Plan:
    """How an encoder, perhaps a neck, and a decoder work together; known before any weight exists.

    :param neck_stages: the stages that the neck was asked to fill.
    :param request: how the encoder is built, the granted wishes included.
    :param decoder_options: how the decoder is built: those given, and those that follow from the encoder's offer.
    :param encoder_spec: the list that the encoder returns.
    :param spec: the list that the decoder selects from: the neck's if there is one, else the encoder's.
    :param stages: the entries that the decoder takes, fine to coarse.
    :param roles: what it does with each of them.
    :param auxiliary: the entries that carry an auxiliary head for training.
    :param input_spec: the image sizes that the encoder takes.
    :param strict_size: whether another size is an error, rather than padded or resized.
    :param inner: the decoder that the decoder refines, if it is a `segzoo.Refiner`.
    :param refusals: the wishes that were not granted, each with the reason.
    :param notes: what else a reader should know.
    """

    encoder: Part
    neck: Part | None
    decoder: Part
    request: EncoderRequest
    decoder_options: Mapping[str, Any]
    encoder_spec: FeatureSpec
    spec: FeatureSpec
    stages: tuple[int, ...]
    roles: tuple[str, ...]
    neck_stages: tuple[int, ...] = ()
    auxiliary: tuple[int, ...] = ()
    input_spec: InputSpec = field(default_factory=InputSpec)
    strict_size: bool = False
    inner: Part | None = None
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Row, ...]:
        """Each stage: stride, channels, where it comes from, and what the decoder does with it."""
        role_of = dict(zip(self.stages, self.roles, strict=True))
        return tuple(
            Row(stage, self.spec.strides[stage], self.spec.channels[stage], self._origin(stage), role_of.get(stage))
            for stage in range(len(self.spec))
        )

    def _origin(self, stage: int) -> str:
        made = (self.spec.channels[stage], self.spec.strides[stage])
        if stage in self.neck_stages or made != (self.encoder_spec.channels[stage], self.encoder_spec.strides[stage]):
            return "neck"
        if self.spec.is_placeholder(stage):
            return "placeholder"
        if stage == 0 and made[0] == self.request.in_channels:
            return "image"
        return "dilated" if self.request.output_stride and made[1] < 2**stage else "native"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        from tabulate import tabulate

        parts = [part for part in (self.encoder, self.neck, self.decoder) if part]
        yield " -> ".join(part.id for part in parts) + (f" around {self.inner.id}" if self.inner else "")
        yield ""
        yield tabulate(
            [(row.stage, row.stride, row.channels, row.origin, row.role or "-") for row in self.rows],
            headers=["stage", "stride", "channels", "from", "decoder"],
        )
        yield ""
        yield f"input: {self.request.in_channels} channels, {self.input_spec.describe(self.strict_size)}"
        yield (
            "parameters: "
            + ", ".join(
                f"{label} {part.parameters / 1e6:.2f} M"
                for label, part in (("encoder", self.encoder), ("neck", self.neck), ("decoder", self.decoder))
                if part
            )
            + (f", {self.inner.parameters / 1e6:.2f} M of them the inner decoder's" if self.inner else "")
        )
        if self.auxiliary:
            yield "auxiliary heads: stage " + ", ".join(map(str, self.auxiliary))
        if self.request.output_stride:
            yield f"granted: output stride {self.request.output_stride}"
        if self.request.prefix:
            yield f"granted: prefix={self.request.prefix!r}, the class token among the channels"
        if self.request.tokens:
            yield f"granted: the decoder drives the encoder's last {self.request.tokens} blocks with tokens of its own"
        for note in (*self.refusals, *self.notes):
            yield f"note: {note}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        plain = asdict(self)
        plain["rows"] = [asdict(row) for row in self.rows]  # for readers; `from_dict` computes them anew
        return _lists(plain)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Plan:
        """The plan that `to_dict` described.

        :raises CheckpointError: when something is missing or of the wrong kind.
        """
        try:
            request = dict(plain["request"])
            input_spec = dict(plain["input_spec"])
            return cls(
                encoder=Part(**plain["encoder"]),
                neck=Part(**plain["neck"]) if plain["neck"] else None,
                decoder=Part(**plain["decoder"]),
                request=EncoderRequest(**{**request, "img_size": _pair(request["img_size"])}),
                decoder_options=dict(plain["decoder_options"]),
                encoder_spec=FeatureSpec(**plain["encoder_spec"]),
                spec=FeatureSpec(**plain["spec"]),
                stages=tuple(plain["stages"]),
                roles=tuple(plain["roles"]),
                neck_stages=tuple(plain["neck_stages"]),
                auxiliary=tuple(plain["auxiliary"]),
                input_spec=InputSpec(**{**input_spec, "fixed": _pair(input_spec["fixed"])}),
                strict_size=plain["strict_size"],
                inner=Part(**plain["inner"]) if plain.get("inner") else None,
                refusals=tuple(plain["refusals"]),
                notes=tuple(plain["notes"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"this is no plan: {type(error).__name__}: {error}") from error


def _pair(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    height, width = value
    return height, width


def _lists(value: Any) -> Any:
    """Tuples as lists, as JSON has them, so that a plan reads the same before and after it was saved."""
    if isinstance(value, Mapping):
        return {key: _lists(entry) for key, entry in value.items()}
    return [_lists(entry) for entry in value] if isinstance(value, list | tuple) else value
