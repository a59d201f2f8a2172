"""What is found in an image, in segzoo's own form, and in those of torchvision, COCO and its panoptic task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segzoo.segmentation.run_lengths import RunLengths

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels, the last two not included."""


@dataclass(frozen=True, eq=False)
class Instances:
    """The objects of an image, those of the highest score first; they may overlap.

    :param size: height and width of the image.
    :param scores: float32 (N,), from 0 to 1.
    :param labels: classes, int64 (N,).
    :param runs: the masks, compressed.
    """

    size: tuple[int, int]
    scores: Tensor
    labels: Tensor
    runs: tuple[RunLengths, ...]

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def boxes(self) -> Tensor:
        """float32 (N, 4): left, top, right and bottom in pixels, the last two not included."""
        return torch.tensor([each.box for each in self.runs], dtype=torch.float32).reshape(-1, 4)

    @property
    def masks(self) -> Tensor:
        """The masks, bool (N, H, W); of large images they are large, and `runs` has them compressed."""
        masks = torch.zeros(len(self), *self.size, dtype=torch.bool)
        for mask, each in zip(masks, self.runs, strict=True):
            mask.copy_(torch.from_numpy(each.mask()))
        return masks

    def rles(self) -> list[dict[str, Any]]:
        """The masks as pycocotools takes them, and JSON holds them."""
        return [each.to_coco() for each in self.runs]

    def to_torchvision(self) -> dict[str, Tensor]:
        """`boxes`, `labels`, `scores` and `masks`, as torchvision's functions and torchmetrics take them."""
        return {"boxes": self.boxes, "labels": self.labels, "scores": self.scores, "masks": self.masks}

    def to_coco(self, image: int | str) -> list[dict[str, Any]]:
        """COCO's form of results, for JSON.

        :param image: the image's id.
        """
        scored = zip(self.labels.tolist(), self.scores.tolist(), self.runs, strict=True)
        return [
            {
                "image_id": image,
                "category_id": label,
                "bbox": _width_and_height(runs.box),
                "score": score,
                "segmentation": runs.to_coco(),
            }
            for label, score, runs in scored
        ]


@dataclass(frozen=True)
class Segment:
    """One object, or all that is there of a class of stuff.

    :param id: what the map of ids holds where the segment is; from 1 on.
    :param label: its class.
    :param score: from 0 to 1.
    :param thing: whether it is an object.
    :param area: in pixels.
    :param box: that it lies in.
    """

    id: int
    label: int
    score: float
    thing: bool
    area: int
    box: Box


@dataclass(frozen=True, eq=False)
class Panoptic:
    """An image cut into segments that don't overlap.

    :param ids: int32 (H, W): the segment that each pixel belongs to, 0 for none.
    """

    ids: Tensor
    segments: tuple[Segment, ...]

    def cut(self, segment: Segment) -> NDArray[np.bool_]:
        """The mask of a segment inside its box, (bottom - top, right - left)."""
        left, top, right, bottom = segment.box
        return (self.ids[top:bottom, left:right] == segment.id).numpy()

    def picture(self) -> NDArray[np.uint8]:
        """The ids as colours (H, W, 3), red + 256 green + 65536 blue, as panopticapi reads them from PNG."""
        return self.ids.numpy().astype("<u4").view(np.uint8).reshape(*self.ids.shape, 4)[..., :3]

    def to_coco(self, image: int | str, file: str) -> dict[str, Any]:
        """An annotation of COCO's panoptic form, for JSON.

        :param image: the image's id.
        :param file: the name of the PNG that `picture` is kept in.
        """
        return {
            "image_id": image,
            "file_name": file,
            "segments_info": [
                {
                    "id": each.id,
                    "category_id": each.label,
                    "isthing": int(each.thing),
                    "iscrowd": 0,
                    "area": each.area,
                    "bbox": _width_and_height(each.box),
                    "score": each.score,
                }
                for each in self.segments
            ],
        }


def _width_and_height(box: Box) -> list[int]:
    left, top, right, bottom = box
    return [left, top, right - left, bottom - top]
