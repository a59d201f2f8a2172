"""`config.json`: what a published model is made of, in plain data. This file imports no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from segzoo.distributions import distribution_of, is_name, normalise
from segzoo.errors import CheckpointError, SegzooError
from segzoo.handshake.arguments import Arguments
from segzoo.handshake.planning import Part, Plan
from segzoo.labels import Labels
from segzoo.preprocessing import Preprocessing
from segzoo.publishing.records import read_record
from segzoo.publishing.upgrades import UPGRADES

LIBRARY = "segzoo"
FORMAT = 2
NAME = "config.json"
COLOURS = 3
MOST_BYTES = 4 * 2**20
"""Far more than class names, palettes and options take."""

MOST_ASKED = 2**21
"""All numbers of a plan's request and options together: a hundred times what the largest models have."""

MOST_PIXELS = 2**16
"""Of one side: more than any encoder asks for."""

CALLED = {"inner": "inner decoder"}
"""What people call a part where it isn't called by its name in the plan."""

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]*\Z")


@dataclass(frozen=True, kw_only=True)
class HeadRecord:
    """One head: how many classes, what they are called, and whose objects are told apart."""

    classes: int
    names: tuple[str, ...] = ()
    palette: tuple[tuple[int, int, int], ...] = ()
    things: tuple[int, ...] | None = None

    @property
    def labels(self) -> Labels:
        return Labels(self.names, self.palette, self.things)


@dataclass(frozen=True, kw_only=True)
class PreprocessingRecord:
    """How a picture is normalised.

    :param value_range: to which the picture's values are scaled before mean and standard deviation are applied: 0 to 1.
        None stands for values as they are.
    :param channel_order: `"RGB"` for three channels, None for another number.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    value_range: tuple[float, float] | None = (0.0, 1.0)
    channel_order: str | None = None

    @classmethod
    def of(cls, preprocessing: Preprocessing) -> PreprocessingRecord:
        mean, std = preprocessing.mean, preprocessing.std
        value_range = (0.0, 1.0) if preprocessing.scaled else None
        return cls(mean=mean, std=std, value_range=value_range, channel_order="RGB" if len(mean) == COLOURS else None)

    @property
    def preprocessing(self) -> Preprocessing:
        """What it records.

        :raises OptionError: for statistics that no picture has.
        """
        return Preprocessing(self.mean, self.std, scaled=self.value_range is not None)


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Statistics of one head's logits for the probe image; None stands for a number that isn't finite.

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
    :param heads: by name; a model without named heads has one, `"logits"`.
    :param plan: the plan that loading follows; it names each part with its distribution and version.
    :param versions: the installed versions when the model was saved, by distribution.
    :param behaviour: statistics of the logits for the probe image, by head.
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
        request = plan.request
        asked = (request.in_channels, request.depth, request.img_size, request.output_stride, request.options)
        if _sum_numbers((asked, plan.decoder_options)) > MOST_ASKED:
            raise CheckpointError(f"the numbers of the plan's request and options sum up to more than {MOST_ASKED}")
        given = {name: head.classes for name, head in self.heads.items()}
        expected = {"logits": arguments.classes} if arguments.heads is None else dict(arguments.heads)
        agreeing = (
            (arguments.classes is None) != (arguments.heads is None)
            and expected == given
            and (arguments.encoder, arguments.decoder) == (plan.encoder.id, plan.decoder.id)
            and (plan.inner is None or plan.inner.id == plan.decoder_options.get("inner"))
            and arguments.in_channels == plan.request.in_channels
            and (arguments.neck in ("auto", None) or arguments.neck == (plan.neck and plan.neck.id))
        )
        if not agreeing:
            raise CheckpointError("arguments, heads and plan contradict each other")
        for name, head in self.heads.items():
            head.labels.check(name, head.classes)
        record, channels = self.preprocessing, arguments.in_channels
        if len(record.preprocessing.mean) != channels:
            raise CheckpointError(f"preprocessing has a mean and a std for each of {channels} channels, got {record}")
        if record.value_range not in (None, (0, 1)) or record.channel_order not in (None, "RGB"):
            raise CheckpointError(
                "preprocessing is for values from 0 to 1 or as they are (value_range null), and RGB where there are "
                "three channels"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; the library and format come first."""
        first = {"library_name": self.library_name, "format_version": self.format_version}
        return {**first, **asdict(self), "plan": self.plan.to_dict()}


def parts(plan: Plan) -> list[tuple[str, Part]]:
    """The parts that a plan is made of, each with its kind.

    A distribution goes by its name in the package index; older files say `segzoo` for what is `segzoo-torch` there.
    """
    named = (("encoder", plan.encoder), ("neck", plan.neck), ("decoder", plan.decoder), ("inner", plan.inner))
    return [
        (kind, replace(part, distribution=part.distribution and distribution_of(part.distribution)))
        for kind, part in named
        if part
    ]


def read_config(folder: Path) -> Config:
    """The config of a folder that segzoo saved, older formats included.

    :raises CheckpointError: naming the file, the field and what is wrong with it.
    """
    config = find_config(folder)
    if config is None:
        found = f"no {NAME} of segzoo's in" if folder.exists() else "nothing at"
        raise CheckpointError(f"there is {found} {str(folder)!r}; give a folder that model.save_pretrained wrote")
    return config


def find_config(folder: Path) -> Config | None:
    """The same; None for what segzoo didn't save.

    :raises CheckpointError: naming the file, the field and what is wrong with it.
    """
    file = folder / NAME
    if not file.is_file():
        return None
    try:
        content = read_json(file)
        return parse_config(content) if content.get("library_name") == LIBRARY else None
    except SegzooError as error:
        raise CheckpointError(f"{file}: {error}") from error


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in a file.

    :raises CheckpointError: for another content, or one that is too large.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise CheckpointError(f"a config of more than {MOST_BYTES} bytes is refused")
        content = json.loads(text, parse_constant=_refuse_constant)
    except OSError as error:
        raise CheckpointError(f"can't be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
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
    version = content.get("format_version")
    if type(version) is not int or version < 1:
        raise CheckpointError(f"format_version is a whole number from 1 on, got {version!r}")
    if version > FORMAT:
        raise CheckpointError(
            f"format {version} is newer than this segzoo reads ({FORMAT}); pip install -U segzoo-torch"
        )
    for older in range(version, FORMAT):
        content = UPGRADES[older](content)
    content = {**content, "format_version": FORMAT}
    if isinstance(content.get("plan"), dict):  # its rows are for readers
        content["plan"] = {name: value for name, value in content["plan"].items() if name != "rows"}
    return read_record(Config, content, "config")


def _check_part(kind: str, part: Part) -> None:
    """Refuse a part whose id isn't canonical, such as an import path, a file's path or an address."""
    distribution, _, name = part.id.partition(":")
    source, slash, encoder = name.partition("/")
    named = is_name(source) and (is_name(encoder) if kind == "encoder" else not slash)
    if not named or not is_name(distribution) or normalise(distribution) != distribution:
        form = "distribution:source/name" if kind == "encoder" else "distribution:name"
        raise CheckpointError(
            f"{kind} {part.id[:80]!r} is no canonical id: {form}, each of letters, digits and any of _ . + -"
        )
    if part.distribution != distribution_of(distribution) or not _VERSION.match(part.version or ""):
        raise CheckpointError(
            f"{kind} {part.id!r} can't come from distribution {part.distribution!r}, version {part.version!r}"
        )


def _sum_numbers(plain: Any) -> float:
    """The sum of all numbers in plain data: a bound on the layers and channels that they can stand for."""
    total, pending = 0.0, [plain]
    while pending and total <= MOST_ASKED:
        each = pending.pop()
        if isinstance(each, int | float):
            total += min(abs(each), MOST_ASKED + 1)
        elif isinstance(each, Mapping | list | tuple):
            pending.extend(each.values() if isinstance(each, Mapping) else each)
    return total


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
