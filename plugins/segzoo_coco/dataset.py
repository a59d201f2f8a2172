"""COCO (arXiv:1405.0312) and panoptic COCO (arXiv:1801.00868): masks and objects painted from instances or segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segzoo import IGNORE, DataError, Labels
from segzoo.data import Dataset, Sample, encode_colours, image_size, in_colour, read_image, read_mask
from segzoo_coco.annotations import Annotations, Image, read_annotations
from segzoo_coco.layout import Images, choose, find_files, find_images, kind_of
from segzoo_coco.shapes import area, decode, require_pycocotools, run_lengths

BACKGROUND = ("background", "_background_")


@dataclass(frozen=True)
class Segment:
    """An instance or a region of one class.

    :param label: its class; `IGNORE` for a crowd, and for what is known by its box alone.
    :param inside: bool (H, W), its pixels, those among them that others hide.
    """

    number: int
    label: int
    inside: NDArray[np.bool_]


class CocoDataset(Dataset):
    """A folder with COCO's JSON: `annotations/instances_train2017.json` and the like, or one in each folder of images.

    Instances are painted, large ones first. Crowds belong to no class, and neither do boxes without an outline. Of a
    panoptic file the classes are the categories of its segments, and what no segment covers belongs to none.

    Objects are told apart, but for those of categories whose `isthing` is 0 and of files of stuff. In each image they
    are numbered from 1 on. What is hidden of one isn't there.

    :param path: the folder, or one JSON file.
    :param kind: which files are taken where several kinds are there; instances rather than others if None.
    :param images: the folder of the images, where it isn't beside the JSON, nor called as the split is.
    :param background: whether pixels outside of all instances are a class, the first one; they belong to none
        otherwise. Where a category is called so, they are of that one.
    """

    def __init__(
        self,
        path: Path,
        *,
        kind: Literal["instances", "panoptic", "stuff"] | None = None,
        images: str | None = None,
        background: bool = True,
    ) -> None:
        super().__init__(path)
        files = find_files(path)
        if not files:
            raise DataError(f"{path} has no JSON file with COCO's images, annotations and categories")
        self.annotations = {split: read_annotations(choose(found, kind)) for split, found in files.items()}
        first = next(iter(self.annotations.values()))
        for each in self.annotations.values():
            if _names(each) != _names(first) or each.panoptic != first.panoptic:
                raise DataError(f"{each.file} and {first.file} have other categories; expected the same in each")
        self.panoptic, self.stuff = first.panoptic, kind_of(first.file) == "stuff"
        if not self.panoptic:
            require_pycocotools()
        self.images: dict[str, Images] = {
            split: find_images(each, split, None if images is None else path / images)
            for split, each in self.annotations.items()
        }
        self._name_classes(_kept_categories(list(self.annotations.values())), background)
        self.has_instances = bool(self.labels.things)

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        files = [file for found in find_files(path).values() for file in found]
        return f"COCO's JSON in {files[0].name}" if files else None

    @cached_property
    def channels(self) -> int:
        """Those of the first image that can be read, three where it is grey."""
        failed = DataError(f"{self.path} lists no images")
        for names in self.splits().values():
            for name in names:
                try:
                    return in_colour(read_image(self._file(name))).shape[2]
                except DataError as error:
                    failed = error
        raise failed

    def splits(self) -> Mapping[str, Sequence[str]]:
        return {split: [f"{split}/{name}" for name in each.images] for split, each in self.annotations.items()}

    def size(self, name: str) -> tuple[int, int]:
        return image_size(self._file(name))

    def read(self, name: str) -> Sample:
        image = in_colour(read_image(self._file(name)))
        _, annotated = self._annotated(name)
        painted = np.zeros((annotated.height, annotated.width), np.int64)
        labels = [self.outside]
        for number, segment in enumerate(self.segments(name), 1):
            painted[segment.inside] = number
            labels.append(segment.label)
        mask = np.array(labels)[painted]
        if not self.has_instances:
            return Sample(image, mask, name)
        crowds = tuple(number for number, label in enumerate(labels) if number and label == IGNORE)
        objects = [number if label in self.things or number in crowds else 0 for number, label in enumerate(labels)]
        return Sample(image, mask, name, np.array(objects)[painted], crowds)

    def segments(self, name: str) -> Iterator[Segment]:
        """What is annotated of a sample, one after the other, in the order in which a mask is painted.

        :raises DataError: as `read`.
        """
        annotations, image = self._annotated(name)
        yield from (self._regions if self.panoptic else self._instances)(annotations.file, image)

    def _instances(self, file: Path, image: Image) -> Iterator[Segment]:
        """Those without a class first, then large ones before small ones."""
        runs = [(each, run_lengths(each, image, file)) for each in image.annotations]
        without = [each.crowd or each.shape is None for each in image.annotations]
        order = sorted(range(len(runs)), key=lambda place: (not without[place], -area(runs[place][1])))
        for place in order:
            annotation, compressed = runs[place]
            label = IGNORE if without[place] else self.places[annotation.category]
            yield Segment(annotation.number, label, decode(compressed, annotation, file))

    def _regions(self, file: Path, image: Image) -> Iterator[Segment]:
        picture = _beside(file, image.panoptic)
        colours = read_mask(picture)
        if colours.shape != (image.height, image.width, 3):
            raise DataError(
                f"{picture}: expected {image.height}x{image.width} pixels whose colours are segments' numbers, got "
                f"shape {colours.shape}"
            )
        numbers = encode_colours(colours[..., ::-1])  # red counts ones, blue 65536
        listed = {each.number: each for each in image.annotations}
        if len(listed) < len(image.annotations):
            raise DataError(f"{file} lists a segment of {picture.name} twice; give each a number of its own")
        for number in map(int, np.unique(numbers)):
            if number in listed:
                each = listed[number]
                yield Segment(number, IGNORE if each.crowd else self.places[each.category], numbers == number)
            elif number:
                raise DataError(f"{picture} has a segment {number} that {file} doesn't list; take files of one release")

    def _name_classes(self, categories: Mapping[int, Mapping[str, Any]], background: bool) -> None:
        names = [str(each["name"]) for each in categories.values()]
        named = next((place for place, name in enumerate(names) if name.lower() in BACKGROUND), None)
        added = background and named is None and not self.panoptic
        self.places = {number: place + added for place, number in enumerate(categories)}
        self.outside = IGNORE if self.panoptic or not background else named or 0
        colours = [tuple(each.get("color") or ()) for each in categories.values()]
        palette = [(0, 0, 0)] * added + colours if all(map(_is_colour, colours)) else []
        self.things = {
            place
            for number, place in self.places.items()
            if place != named and categories[number].get("isthing", not self.stuff)
        }
        self.labels = Labels(tuple([BACKGROUND[0]] * added + names), tuple(palette), tuple(self.things))

    def _annotated(self, name: str) -> tuple[Annotations, Image]:
        split, _, file = name.partition("/")
        return self.annotations[split], self.annotations[split].images[file]

    def _file(self, name: str) -> Path:
        split, _, file = name.partition("/")
        return self.images[split][file]


def _kept_categories(annotations: Sequence[Annotations]) -> dict[int, Mapping[str, Any]]:
    """All in the order of their numbers, but for headings of others that nothing is annotated with.

    Roboflow lists the dataset's own name so.
    """
    categories = annotations[0].categories
    used = {each.category for one in annotations for image in one.images.values() for each in image.annotations}
    headings = {each.get("supercategory") for each in categories.values() if each.get("supercategory") != each["name"]}
    return {
        number: each for number, each in sorted(categories.items()) if number in used or each["name"] not in headings
    }


def _names(annotations: Annotations) -> dict[int, str]:
    return {number: each["name"] for number, each in annotations.categories.items()}


def _is_colour(colour: tuple[Any, ...]) -> bool:
    return len(colour) == 3 and all(type(each) is int and 0 <= each <= 255 for each in colour)


def _beside(file: Path, picture: str) -> Path:
    """A panoptic picture: in the folder that is called as the JSON is, most often."""
    folders = (file.with_suffix(""), file.parent, file.parent.parent / file.stem)
    return next((each / picture for each in folders if (each / picture).is_file()), folders[0] / picture)
