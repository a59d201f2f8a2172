"""`config.json`: what a published model is made of, in plain data. This file imports no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from segzoo.errors import CheckpointError, SegzooError
from segzoo.handshake.arguments import Arguments
from segzoo.handshake.planning import Part, Plan
from segzoo.host.descriptors import is_name
from segzoo.host.discovery import normalise
from segzoo.labels import Labels
from segzoo.publishing.records import read_record

LIBRARY = "segzoo"
FORMAT = 1
NAME = "config.json"
MOST_BYTES = 4 * 2**20
"""Far above what class names, palettes and options can need."""

MOST_PIXELS = 2**16
"""To a side: more than any encoder asks for."""

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
UPGRADES: dict[int, Upgrade] = {}
"""From a format to the next one: how older folders are read."""

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]*\Z")


@dataclass(frozen=True, kw_only=True)
class HeadRecord:
    """One head: how many classes, and what they are called."""

    classes: int
    names: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()

    @property
    def labels(self) -> Labels:
        return Labels(self.names, self.palette)


@dataclass(frozen=True, kw_only=True)
class PreprocessingRecord:
    """What a picture is turned into.

    :param value_range: of the picture's values, before mean and standard deviation are applied.
    :param channel_order: `"RGB"` for three channels, None for another number.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    value_range: tuple[float, float] = (0.0, 1.0)
    channel_order: str | None = None


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Of one head's logits for the probe image; None stands for a number that isn't finite.

    :param samples: logits at evenly spaced places.
    """

    shape: tuple[int, ...]
    mean: float | None
    std: float | None
    largest: float | None
    samples: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class Config:
    """The content of `config.json`.

    :param arguments: of `create_model`.
    :param heads: by name; the one of a model without named heads is `"logits"`.
    :param plan: which loading follows; it names each part with its distribution and version.
    :param versions: of what the model was saved with, by distribution.
    :param behaviour: what the model answered to the probe image, by head.
    """

    arguments: Arguments
    heads: Mapping[str, HeadRecord]
    preprocessing: PreprocessingRecord
    plan: Plan
    versions: Mapping[str, str]
    behaviour: Mapping[str, Statistics] | None = None
    library_name: str = LIBRARY
    format_version: int = FORMAT

    def __post_init__(self) -> None:
        plan, arguments = self.plan, self.arguments
        for kind, part in parts(plan):
            _check_part(kind, part)
        sizes = plan.input_spec
        if not all(1 <= side <= MOST_PIXELS for side in (sizes.multiple, sizes.minimum, *(sizes.fixed or ()))):
            raise CheckpointError(f"plan.input_spec has sizes in pixels, from 1 to {MOST_PIXELS}, got {sizes}")
        given = {name: head.classes for name, head in self.heads.items()}
        expected = {"logits": arguments.classes} if arguments.heads is None else dict(arguments.heads)
        agreeing = (
            (arguments.classes is None) != (arguments.heads is None)
            and expected == given
            and (arguments.encoder, arguments.decoder) == (plan.encoder.id, plan.decoder.id)
            and arguments.in_channels == plan.request.in_channels
            and (arguments.neck in ("auto", None) or arguments.neck == (plan.neck and plan.neck.id))
        )
        if not agreeing:
            raise CheckpointError("arguments, heads and plan contradict each other")
        for name, head in self.heads.items():
            head.labels.check(name, head.classes)
        preprocessing, channels = self.preprocessing, arguments.in_channels
        if not len(preprocessing.mean) == len(preprocessing.std) == channels or not all(preprocessing.std):
            raise CheckpointError(f"preprocessing needs a mean and a std, not 0, for each of {channels} channels")
        if preprocessing.value_range != (0, 1) or preprocessing.channel_order not in (None, "RGB"):
            raise CheckpointError("preprocessing is for values from 0 to 1, and RGB where there are three channels")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; first what tells readers that it is segzoo's."""
        first = {"library_name": self.library_name, "format_version": self.format_version}
        return {**first, **asdict(self), "plan": self.plan.to_dict()}


def parts(plan: Plan) -> list[tuple[str, Part]]:
    """The parts that a plan is made of, each with its kind."""
    named = (("encoder", plan.encoder), ("neck", plan.neck), ("decoder", plan.decoder))
    return [(kind, part) for kind, part in named if part]


def is_own(content: Mapping[str, Any]) -> bool:
    """Whether a `config.json` is segzoo's."""
    return content.get("library_name") == LIBRARY


def read_config(folder: Path) -> Config:
    """The config of a folder, older formats included.

    :raises CheckpointError: naming the file, the field and what is wrong with it.
    """
    file = folder / NAME
    try:
        return parse_config(read_json(file))
    except SegzooError as error:
        raise CheckpointError(f"{file}: {error}") from error


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object of reasonable size.

    :raises CheckpointError: when it is none.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise CheckpointError(f"a config of more than {MOST_BYTES} bytes is refused")
        content = json.loads(text, parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"can't be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"holds a {type(content).__name__}; expected an object")
    return content


def write_json(plain: Mapping[str, Any]) -> str:
    """The text of the file.

    :raises CheckpointError: when an option is no plain data.
    """
    try:
        return json.dumps(plain, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"the model's options can't be written as JSON ({error}); give it numbers, strings and lists of them"
        ) from error


def parse_config(content: dict[str, Any]) -> Config:
    """A config from plain data.

    :raises CheckpointError: naming the field and what is wrong with it.
    """
    if not is_own(content):
        raise CheckpointError(f"library_name is {content.get('library_name')!r}; expected {LIBRARY!r}")
    version = content.get("format_version")
    if type(version) is not int or version < 1:
        raise CheckpointError(f"format_version is a whole number from 1 on, got {version!r}")
    if version > FORMAT:
        raise CheckpointError(f"format {version} is newer than this segzoo reads ({FORMAT}); pip install -U segzoo")
    for older in range(version, FORMAT):
        content = UPGRADES[older](content)
    content = {**content, "format_version": FORMAT}
    if isinstance(content.get("plan"), dict):  # its rows are for readers
        content["plan"] = {name: value for name, value in content["plan"].items() if name != "rows"}
    return read_record(Config, content, "config")


def _check_part(kind: str, part: Part) -> None:
    """Canonical ids alone are looked up: no import path, no path of a file, no address."""
    distribution, _, name = part.id.partition(":")
    source, slash, encoder = name.partition("/")
    named = is_name(source) and (is_name(encoder) if kind == "encoder" else not slash)
    if not named or not is_name(distribution) or normalise(distribution) != distribution:
        form = "distribution:source/name" if kind == "encoder" else "distribution:name"
        raise CheckpointError(
            f"{kind} {part.id[:80]!r} is no canonical id: {form}, each of letters, digits and any of _ . + -"
        )
    if part.distribution != distribution or not _VERSION.match(part.version or ""):
        raise CheckpointError(
            f"{kind} {part.id!r} can't come from distribution {part.distribution!r}, version {part.version!r}"
        )


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
