"""What an exported model says about itself, so that whoever runs it needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

from segzoo.errors import CheckpointError, SegzooError
from segzoo.labels import Labels
from segzoo.preprocessing import Preprocessing

KEY = "segzoo"
"""Under which the manifest stands in the metadata of an ONNX model and of OpenVINO's."""
INPUT = "image"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """An artefact's description, as JSON in its metadata or beside it.

    :param target: which runtime it is for: `onnx`, `openvino`, `torch-export` or `aoti`.
    :param heads: the number of classes of each output, in the outputs' order; `"logits"` where heads have no names.
    :param labels: what the classes of each head are called and drawn in.
    :param preprocessing: how a picture is normalised.
    :param normalises: whether the artefact does that itself. Then it takes pictures (B, H, W, C), uint8, or float32
        where the statistics are of values as they are; else normalised float32 (B, C, H, W).
    :param classifies: whether it gives classes (B, H, W), uint8 or int32, in place of logits (B, classes, H, W).
    :param batch: the only number of images at once; None: any.
    :param size: the only (height, width) that it takes; None: any.
    :param minimum: the smallest height and width.
    :param grid: pixels: a tile that starts at a multiple of it is seen as the same part of the whole image is.
    :param precision: what it computes in: `float32`, `float16` or `int8`.
    :param parts: the ids of encoder, neck and decoder.
    :param version: of segzoo, where it was exported.
    """

    target: str
    heads: Mapping[str, int]
    labels: Mapping[str, Labels]
    preprocessing: Preprocessing
    normalises: bool = False
    classifies: bool = False
    batch: int | None = None
    size: tuple[int, int] | None = None
    minimum: int = 1
    grid: int = 1
    precision: str = "float32"
    parts: Mapping[str, str]
    version: str

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)})

    @classmethod
    def from_json(cls, text: str, source: str | PathLike[str]) -> Manifest:
        """Read one.

        :param source: where it stands, for the errors.
        :raises CheckpointError: when it is none, or a newer segzoo's.
        """
        try:
            fields: dict[str, Any] = json.loads(text)
            found = fields.pop("format")
        except (ValueError, KeyError, AttributeError) as error:
            raise CheckpointError(f"the metadata of {source} isn't what segzoo writes: {error}") from error
        if found != FORMAT:
            raise CheckpointError(
                f"{source} has metadata of format {found!r}, and this segzoo reads {FORMAT}: upgrade segzoo-torch"
            )
        try:
            fields["labels"] = {name: Labels(**each) for name, each in fields["labels"].items()}
            fields["preprocessing"] = Preprocessing(**fields["preprocessing"])
            fields["size"] = tuple(fields["size"]) if fields["size"] else None
            return cls(**fields)
        except (SegzooError, TypeError, KeyError, AttributeError) as error:
            raise CheckpointError(f"the metadata of {source} isn't what segzoo writes: {error}") from error
