"""What matters to a person choosing an encoder: plain data, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from segzoo.contract import EncoderRequest, FeatureSpec, InputSpec

IMAGE_CHANNELS = EncoderRequest().in_channels


@dataclass(frozen=True)
class PublishedWeights:
    """One set of weights that can be had with `pretrained=True`.

    :param tag: what follows the architecture's name after a dot; empty where there is one set without a tag.
    :param license: of the weights; empty where the publisher states none.
    """

    tag: str
    license: str


@dataclass(frozen=True)
class EncoderFacts:
    """An encoder as segzoo builds it for an image of three channels.

    :param parameters: how many, all of them used: what no map needs is not built.
    :param spec: its feature list.
    :param input_spec: the image sizes that it takes.
    :param dilates_to: which output strides, of 8 and 16, it can be dilated to. One that is no coarser by itself is not
        dilated.
    :param class_token: whether it can append a class token to its maps.
    :param family: that the architecture belongs to; empty if unknown.
    :param license: of the code; empty if not stated.
    :param weights: that are published, the default first; None where the source doesn't say.
    """

    name: str
    parameters: int
    spec: FeatureSpec
    input_spec: InputSpec = field(default_factory=InputSpec)
    dilates_to: tuple[int, ...] = ()
    class_token: bool = False
    family: str = ""
    license: str = ""
    weights: tuple[PublishedWeights, ...] | None = None

    @property
    def stages(self) -> tuple[int, ...]:
        """The entries that the encoder computes: neither the image itself nor placeholders."""
        channels = self.spec.channels
        return tuple(stage for stage in self.spec.native if stage > 0 or channels[stage] != IMAGE_CHANNELS)

    @property
    def native_strides(self) -> tuple[int, ...]:
        """Of the maps that it computes, fine to coarse."""
        return self.spec.select(self.stages).strides

    @property
    def any_size(self) -> bool:
        """Whether it takes images as they are, without padding or resizing."""
        return self.input_spec.multiple == 1 and self.input_spec.fixed is None

    @property
    def weights_licenses(self) -> tuple[str, ...]:
        """The licences under which weights are published, each once."""
        return tuple(dict.fromkeys(each.license for each in self.weights or ()))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        weights = None if self.weights is None else [asdict(each) for each in self.weights]
        return {
            "name": self.name,
            "family": self.family,
            "parameters": self.parameters,
            "depth": self.spec.depth,  # this and the next for readers; `from_dict` takes them from the spec
            "stages": list(self.stages),
            "channels": list(self.spec.channels),
            "strides": list(self.spec.strides),
            "multiple": self.input_spec.multiple,
            "minimum": self.input_spec.minimum,
            "fixed": self.input_spec.fixed and list(self.input_spec.fixed),
            "dilates_to": list(self.dilates_to),
            "class_token": self.class_token,
            "blocks": self.spec.blocks,
            "license": self.license,
            "weights": weights,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> EncoderFacts:
        """The facts that `to_dict` described.

        :raises KeyError: when the name, the parameters, the channels or the strides are missing.
        """
        fixed, weights = plain.get("fixed"), plain.get("weights")
        return cls(
            name=plain["name"],
            parameters=plain["parameters"],
            spec=FeatureSpec(plain["channels"], plain["strides"], blocks=plain.get("blocks", 0)),
            input_spec=InputSpec(
                plain.get("multiple", 1), plain.get("minimum", 1), (fixed[0], fixed[1]) if fixed else None
            ),
            dilates_to=tuple(plain.get("dilates_to", ())),
            class_token=plain.get("class_token", False),
            family=plain.get("family", ""),
            license=plain.get("license", ""),
            weights=None if weights is None else tuple(PublishedWeights(**each) for each in weights),
        )
