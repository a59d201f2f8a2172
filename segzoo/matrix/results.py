"""What was found out about pairs of encoders and decoders: plain data, no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any, Literal

from segzoo.files import write_whole
from segzoo.handshake.planning import Row
from segzoo.matrix.page import page_of


@dataclass(frozen=True)
class Fallback:
    """Something that makes a pair work though the encoder doesn't offer what is asked of it.

    :param kind: a neck makes the pyramid; the image is padded; it is resized for the encoder; or the decoder does
        without something that it wished for.
    :param detail: in words.
    """

    kind: Literal["neck", "padding", "resizing", "wish"]
    detail: str


@dataclass(frozen=True)
class Pair:
    """An encoder and a decoder together.

    :param outcome: `pass` when the whole model gave logits of the image's size; `refused` when the handshake says that
        the two can't work together, or the model that the image is too small; `broken` when anything else went wrong.
    :param granted: wishes of the decoder that the encoder fulfils.
    :param fallbacks: what else it took.
    :param notes: what the decoder has to say about the plan.
    :param reason: why it doesn't pass.
    :param parameters: of encoder, neck and decoder.
    :param stages: those of the plan.
    """

    encoder: str
    decoder: str
    outcome: Literal["pass", "refused", "broken"]
    granted: tuple[str, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    parameters: int = 0
    stages: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Checked:
    """An encoder of the matrix.

    :param parameters: None when the encoder can't be built.
    """

    name: str
    family: str
    parameters: int | None


@dataclass(frozen=True)
class Matrix:
    """All pairs of some encoders and decoders.

    :param size: height and width, in pixels, of the image that each model was given.
    :param versions: of the packages that took part.
    :param pairs: encoder by encoder, the decoders in their order.
    """

    size: tuple[int, int]
    versions: Mapping[str, str]
    encoders: tuple[Checked, ...]
    decoders: tuple[str, ...]
    pairs: tuple[Pair, ...]

    def of_encoder(self, number: int) -> tuple[Pair, ...]:
        """The pairs of one encoder, by its number."""
        width = len(self.decoders)
        return self.pairs[number * width : (number + 1) * width]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def save_json(self, path: str | PathLike[str]) -> None:
        """Write it as JSON.

        :raises OptionError: when the file can't be written.
        """
        write_whole(path, json.dumps(self.to_dict()) + "\n")

    def save_page(self, path: str | PathLike[str]) -> None:
        """Write it as one HTML page that needs nothing besides.

        :raises OptionError: when the file can't be written.
        """
        write_whole(path, page_of(self.to_dict()))
