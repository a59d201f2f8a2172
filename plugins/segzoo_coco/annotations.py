"""COCO's JSON, as far as masks need it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segzoo import DataError


@dataclass(frozen=True)
class Image:
    """An image and what is annotated in it.

    :param segments: of a panoptic file a segment each, else an instance each.
    :param mask: of a panoptic file, the picture whose colours are the segments' numbers.
    """

    file: str
    height: int
    width: int
    segments: list[dict[str, Any]] = field(default_factory=list)
    mask: str = ""


@dataclass(frozen=True)
class Annotations:
    """One file of annotations.

    :param categories: the name of each by its number.
    """

    file: Path
    panoptic: bool
    categories: dict[int, str]
    images: dict[str, Image]


def is_annotations(file: Path) -> bool:
    """Whether a JSON file holds COCO's lists, by its first and last bytes where it is large."""
    try:
        with file.open("rb") as opened:
            start = opened.read(1 << 16)
            opened.seek(max(0, file.stat().st_size - (1 << 16)))
            text = start + opened.read()
    except OSError:
        return False
    return b'"images"' in text and (b'"annotations"' in text or b'"categories"' in text)


def read_annotations(file: Path) -> Annotations:
    """Read a file of annotations.

    :raises DataError: when it is none.
    """
    try:
        content = json.loads(file.read_bytes())
        categories = {int(each["id"]): str(each["name"]) for each in content["categories"]}
        images = {
            each["id"]: Image(str(each["file_name"]), int(each["height"]), int(each["width"]))
            for each in content["images"]
        }
        panoptic = any("segments_info" in each for each in content["annotations"])
        found = dict(images)
        if panoptic:
            for each in content["annotations"]:
                image = images[each["image_id"]]
                found[each["image_id"]] = Image(
                    image.file, image.height, image.width, each["segments_info"], str(each["file_name"])
                )
        else:
            segments = defaultdict(list)
            for each in content["annotations"]:
                segments[each["image_id"]].append(each)
            found = {
                number: Image(image.file, image.height, image.width, segments[number])
                for number, image in images.items()
            }
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(
            f"{file} can't be read as COCO's annotations: {type(error).__name__}: {error}; expected images, "
            "annotations and categories"
        ) from error
    return Annotations(file, panoptic, categories, {image.file: image for image in found.values()})
