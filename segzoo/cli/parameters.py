"""Types of command-line parameters."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import click


class KeyValue(click.ParamType):
    """`KEY=VALUE`, the value read as JSON where it is JSON, else as text."""

    name = "KEY=VALUE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        key, equals, text = value.partition("=")
        if not key or not equals:
            self.fail(f"expected KEY=VALUE, such as width=128, got {value!r}", param, ctx)
        try:
            return key, json.loads(text)
        except json.JSONDecodeError:
            return key, text


class ImageSize(click.ParamType):
    """`HEIGHTxWIDTH`, or one number for a square, in pixels."""

    name = "HEIGHTxWIDTH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        match = re.fullmatch(r"(\d+)(?:x(\d+))?", value)
        if not match:
            self.fail(f"expected a size in pixels such as 512x1024 or 224, got {value!r}", param, ctx)
        height = int(match[1])
        return height, int(match[2] or height)


class Count(click.ParamType):
    """How many parameters or multiply-adds: `25M`, `1.5B`, `300k`, `2.5e7`; G is B."""

    name = "COUNT"
    units: Mapping[str, float] = {"": 1, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number, unit = value.lower()[:-1], value.lower()[-1:]
        if unit not in self.units:
            number, unit = value, ""
        try:
            count = float(number) * self.units[unit]
        except ValueError:
            count = math.nan
        if not 0 <= count < math.inf:
            self.fail(f"expected a count such as 25M, 1.5B or 2.5e7, got {value!r}", param, ctx)
        return count


KEY_VALUE = KeyValue()
IMAGE_SIZE = ImageSize()
COUNT = Count()

# Options that several commands have.
form_option = click.option("--form", help="The dataset that reads DATA; found out by default.")
data_option = click.option(
    "--data-option", "data_options", type=KEY_VALUE, multiple=True, help="Of the dataset; can be repeated."
)
threads_option = click.option("--threads", type=click.IntRange(min=1), help="Processor cores to use; all by default.")
device_option = click.option("--device", default="cpu", show_default=True, help="Where the model runs.")
