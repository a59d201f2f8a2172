"""What `create_model` and `plan` are called with, in one place, and kept with a saved model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from segzoo.contract import EncoderRequest
from segzoo.errors import OptionError


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The arguments of `create_model`, which says what each means, but for `pretrained`.

    :param encoder: a name, a class or a module; in a saved model the canonical id. Likewise `decoder` and `neck`.
    """

    encoder: Any
    decoder: Any
    classes: int | None = None
    heads: Mapping[str, int] | None = None
    in_channels: int = 3
    depth: int | None = None
    img_size: tuple[int, int] | None = None
    neck: Any = "auto"
    encoder_options: Mapping[str, Any] = field(default_factory=dict)
    decoder_options: Mapping[str, Any] = field(default_factory=dict)
    auxiliary: tuple[int, ...] = ()
    strict_size: bool = False

    @classmethod
    def of(cls, **given: Any) -> Arguments:
        """From what a user gave: one number is a square image, None no options, any sequence a list of stages.

        :raises OptionError: for an argument that doesn't exist, or that is of a wrong kind.
        """
        known = [each.name for each in fields(cls)]
        if unknown := [name for name in given if name not in known]:
            raise OptionError(f"there is no argument {', '.join(map(repr, unknown))}; there are {', '.join(known)}")
        auxiliary = given.get("auxiliary", ())
        if isinstance(auxiliary, int | str) or not all(isinstance(stage, int) for stage in auxiliary):
            raise OptionError(f"auxiliary is a list of stages that hold a map, got {auxiliary!r}")
        for name in ("encoder_options", "decoder_options"):
            if not isinstance(given.get(name), Mapping | None):
                raise OptionError(f"{name} is a dict of names and values, got {given[name]!r}")
        return cls(
            **{
                **given,
                "img_size": _sides(given.get("img_size")),
                "encoder_options": dict(given.get("encoder_options") or {}),
                "decoder_options": dict(given.get("decoder_options") or {}),
                "auxiliary": tuple(auxiliary),
            }
        )

    @property
    def request(self) -> EncoderRequest:
        """What is asked of the encoder.

        Wishes given as encoder options are demands: the encoder's refusal is then an error, not a note, and a decoder
        that wishes otherwise doesn't get it.

        :raises OptionError: for a number out of range.
        """
        options = dict(self.encoder_options)
        output_stride, prefix = options.pop("output_stride", None), options.pop("prefix", None)
        _check_count("in_channels", self.in_channels)
        for name, value in (("depth", self.depth), ("output_stride", output_stride)):
            if value is not None:
                _check_count(name, value)
        return EncoderRequest(self.in_channels, self.depth, self.img_size, output_stride, prefix, options)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `model.config` has them: either `classes` or `heads`."""
        left_out = "classes" if self.classes is None else "heads"
        plain = {each.name: getattr(self, each.name) for each in fields(self) if each.name != left_out}
        mappings = {name: dict(value) for name, value in plain.items() if isinstance(value, Mapping)}
        return {**plain, **mappings, "auxiliary": list(self.auxiliary)}


def _sides(img_size: Any) -> tuple[int, int] | None:
    if img_size is None:
        return None
    sides = tuple(img_size) if isinstance(img_size, list | tuple) else (img_size, img_size)
    if len(sides) != 2:
        raise OptionError(f"img_size is one number or (height, width), got {img_size!r}")
    for side in sides:
        _check_count("img_size", side)
    return sides


def _check_count(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise OptionError(f"{name} is a whole number from 1 on, got {value!r}")
