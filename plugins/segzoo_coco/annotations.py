"""COCO's JSON, as far as masks need it."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segzoo import DataError

ENDS = 1 << 16  # bytes


@dataclass(frozen=True, slots=True)
class Annotation:
    """An instance, or a segment of a panoptic picture.

    :param number: of the annotation; of a segment, what the picture's colour stands for.
    :param crowd: whether it is many things that weren't told apart.
    :param shape: of an instance: polygons, or run lengths; None where it has neither.
    :param box: left, top, width and height, if known.
    """

    number: int
    category: int
    crowd: bool = False
    shape: list[array[float]] | dict[str, Any] | None = None
    box: tuple[float, ...] = ()


@dataclass
class Image:
    """An image and what is annotated in it.

    :param panoptic: the picture of its segments; empty where instances are annotated.
    """

    file: str
    height: int
    width: int
    annotations: list[Annotation] = field(default_factory=list)
    panoptic: str = ""


@dataclass(frozen=True)
class Annotations:
    """One file of annotations.

    :param categories: by their numbers.
    :param images: by their names.
    """

    file: Path
    panoptic: bool
    categories: Mapping[int, Mapping[str, Any]]
    images: dict[str, Image]


def is_annotations(file: Path) -> bool:
    """Whether a JSON file holds COCO's lists, by its first and last bytes where it is large."""
    try:
        with file.open("rb") as opened:
            text = opened.read(ENDS)
            opened.seek(max(0, file.stat().st_size - ENDS))
            text += opened.read()
    except OSError:
        return False
    return b'"images"' in text and (b'"annotations"' in text or b'"categories"' in text)


def read_annotations(file: Path) -> Annotations:
    """Read a file of annotations.

    :raises DataError: when it is none, or has only boxes.
    """
    try:
        content = json.loads(file.read_bytes())
        categories = {int(each["id"]): {**each, "name": str(each["name"])} for each in content["categories"]}
        images = {each["id"]: _image(each) for each in content["images"]}
        panoptic = any("segments_info" in each for each in content["annotations"])
        for each in content["annotations"]:
            if (image := images.get(each["image_id"])) is None:
                raise ValueError(f"it annotates an image {each['image_id']!r} and lists none of that number")
            if panoptic:
                image.panoptic = str(each["file_name"])
            image.annotations += map(_annotation, each["segments_info"] if panoptic else [each])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"{file} can't be read as COCO's annotations: {type(error).__name__}: {error}; expected images, "
            "annotations and categories"
        ) from error
    found = [each for image in images.values() for each in image.annotations]
    if strange := {each.category for each in found} - categories.keys():
        raise DataError(f"{file}: annotations have the categories {sorted(strange)}, which it doesn't list; add them")
    if found and not panoptic and all(each.shape is None for each in found):
        raise DataError(f"{file} has boxes and no outlines; export it anew, for segmentation")
    if panoptic:
        images = {number: image for number, image in images.items() if image.panoptic}
    by_name = {image.file: image for image in images.values()}
    if len(by_name) < len(images):
        raise DataError(f"{file} lists some images several times; join what is annotated of each under one number")
    return Annotations(file, panoptic, categories, by_name)


def _image(given: Mapping[str, Any]) -> Image:
    return Image(str(given["file_name"]).replace("\\", "/"), int(given["height"]), int(given["width"]))


def _annotation(given: Mapping[str, Any]) -> Annotation:
    return Annotation(
        int(given["id"]),
        int(given["category_id"]),
        bool(given.get("iscrowd", 0)),
        _shape(given.get("segmentation")),
        tuple(map(float, given.get("bbox") or ())),
    )


def _shape(given: Any) -> list[array[float]] | dict[str, Any] | None:
    """Polygons in a tenth of the memory, without those that enclose nothing; run lengths as they are."""
    if isinstance(given, list):
        return [array("d", each) for each in given if len(each) >= 6] or None
    return dict(given) if given else None
