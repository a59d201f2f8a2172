"""What was found in images, left as files: indexed masks, COCO's forms, and pictures to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segzoo.errors import OptionError
from segzoo.files import check_writable, replacing, write_whole
from segzoo.labels import Labels
from segzoo.pictures import Drawn, as_picture, draw_objects, palette
from segzoo.segmentation.findings import Finding
from segzoo.segmentation.results import Instances, Panoptic
from segzoo.segmentation.segmenting import Result

OVERLAY = ".overlay.png"


class Writer:
    """Leaves what was found in a folder, in the forms of the task.

    Of each image a picture with what was found in it, `NAME.overlay.png`. Of a class map `NAME.png`, indexed, with a
    palette; 16-bit grey from 257 classes on. Of objects `instances.json`, COCO's form of results. Of segments
    `NAME.png` and `panoptic.json`, as panopticapi reads them. The two JSON files appear when all is done.

    :param task: `"semantic"`, `"instance"` or `"panoptic"`.
    :param labels: of the model's classes.
    :param classes: how many there are.
    :raises OptionError: when the folder can't be made or written to.
    """

    def __init__(self, folder: Path, task: str, labels: Labels, classes: int) -> None:
        self.folder, self.task, self.labels, self.classes = folder, task, labels, max(2, classes)
        self.colours = labels.palette if len(labels.palette) == self.classes else palette(self.classes)
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(f"can't make the folder {folder}: {error.strerror or error}; give another one") from error
        check_writable(folder / "overlay.png")

    def files(self, name: str) -> list[Path]:
        """Those of an image of that name, which has no ending."""
        kinds = (OVERLAY,) if self.task == "instance" else (".png", OVERLAY)
        return [self.folder / f"{name}{kind}" for kind in kinds]

    def add(self, name: str, file: str, image: NDArray[Any], result: Result, found: Sequence[Finding]) -> None:
        """Write an image's files.

        :param name: of the image, without an ending: its id in the JSON, as a number where it is one.
        :param file: that the image was read from.
        :param image: (H, W, C), as it was read.
        :param found: in it, by `findings`.
        :raises OptionError: when a file can't be written.
        """
        number = int(name) if name.isascii() and name.isdigit() else name
        height, width = image.shape[:2]
        self.images.append({"id": number, "file_name": file, "height": height, "width": width})
        if isinstance(result, Instances):
            self.annotations += result.to_coco(number)
        elif isinstance(result, Panoptic):
            self.annotations.append(result.to_coco(number, f"{name}.png"))
            _save(self.folder / f"{name}.png", result.picture())
        else:
            self._save_classes(self.folder / f"{name}.png", result)
        _save(self.folder / f"{name}{OVERLAY}", draw_objects(as_picture(image), self._drawn(found)))

    def finish(self) -> None:
        """Write what all images have in common.

        :raises OptionError: when it can't be written.
        """
        if self.task == "instance":
            write_whole(self.folder / "instances.json", json.dumps(self.annotations) + "\n")
        elif self.task == "panoptic":
            content = {"images": self.images, "annotations": self.annotations, "categories": self._categories()}
            write_whole(self.folder / "panoptic.json", json.dumps(content) + "\n")

    def _categories(self) -> list[dict[str, Any]]:
        things = self.labels.things
        return [
            {
                "id": number,
                "name": self.labels.name(number),
                "supercategory": "",
                "isthing": int(things is None or number in things),
                "color": list(colour),
            }
            for number, colour in enumerate(self.colours)
        ]

    def _drawn(self, found: Sequence[Finding]) -> Iterator[Drawn]:
        """The best one last, so that it lies on top; objects in colours of their own, all else in its class's."""
        taken = {self.colours[each.label] for each in found if not each.thing}
        own = [colour for colour in palette(1 + len(taken) + len(found))[1:] if colour not in taken]
        for number, each in reversed(list(enumerate(found))):
            score = "" if each.score is None else f" {each.score:.0%}"
            colour = own[number] if each.thing else self.colours[each.label]
            yield Drawn(each.cut(), each.box[:2], colour, self.labels.name(each.label) + score)

    def _save_classes(self, path: Path, classes: Tensor) -> None:
        few = self.classes <= 256
        _save(path, classes.numpy().astype(np.uint8 if few else np.uint16), self.colours if few else ())


def _save(path: Path, pixels: NDArray[Any], colours: Sequence[tuple[int, int, int]] = ()) -> None:
    from PIL import Image

    picture = Image.fromarray(pixels)
    if colours:
        picture.putpalette([value for colour in colours for value in colour])
    with replacing(path) as unfinished:
        picture.save(unfinished, format="PNG")
