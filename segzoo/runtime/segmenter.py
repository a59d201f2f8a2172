"""A picture in, its class map out, by an exported model."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segzoo.errors import InputError, OptionError
from segzoo.labels import Colour, Labels
from segzoo.runtime.manifest import Manifest
from segzoo.runtime.sessions import Session, open_artefact

Maps = NDArray[Any] | dict[str, NDArray[Any]]
UNNAMED = "logits"


def load(path: str | PathLike[str], *, threads: int | None = None) -> Segmenter:
    """Open what `segzoo export` wrote, without torch.

    :param path: an ONNX file (`.onnx`, needs ONNX Runtime) or an OpenVINO one (`.xml`, needs OpenVINO).
    :param threads: processor cores to use; None: all.
    :raises CheckpointError: when there is no such file, or it can't be read, or isn't segzoo's.
    :raises MissingExtraError: without the library that runs it.
    :raises OptionError: when it was exported for a batch of more than one.

    >>> segmenter = segzoo.runtime.load("roads.onnx")  # doctest: +SKIP
    >>> classes = segmenter.predict(np.asarray(PIL.Image.open("street.jpg")))  # doctest: +SKIP
    """
    return Segmenter(*open_artefact(path, threads))


class Segmenter:
    """An exported model, ready to run.

    :ivar manifest: what it says about itself.
    :ivar labels: what the classes are called, by head.
    """

    def __init__(self, session: Session, manifest: Manifest) -> None:
        self.manifest = manifest
        self.labels: dict[str, Labels] = dict(manifest.labels)
        self._session = session

    @property
    def palette(self) -> tuple[Colour, ...]:
        """The colours of the first head's classes; empty where they are unknown."""
        return self._first().palette

    @property
    def names(self) -> tuple[str, ...]:
        """What the first head's classes are called; empty where that is unknown."""
        return self._first().names

    def predict(self, picture: Any) -> Maps:
        """The class of each pixel.

        :param picture: (H, W, C), RGB where C is 3: 8 or 16 bits, floats from 0 to 1, or the bands' values as they are
            where the model was trained on these. An array or a PIL image.
        :returns: class map (H, W), uint8, or int32 for more than 256 classes. One class: 1 where its logit is above 0.
            With named heads a dict of them.
        :raises InputError: for what is no such picture, or one that is larger than the only size that it takes.
        """
        maps = self._run(picture)
        if self.manifest.classifies:
            return self._named(maps)
        return self._named([_classes(each) for each in maps])

    def logits(self, picture: Any) -> Maps:
        """The logits of each pixel, float32 (classes, H, W); with named heads a dict of them.

        :param picture: as `predict` takes it.
        :raises OptionError: of an artefact that gives classes.
        :raises InputError: as `predict` does.
        """
        if self.manifest.classifies:
            raise OptionError("it was exported with classes in place of logits: export it again without --class-map")
        return self._named(self._run(picture))

    def __repr__(self) -> str:
        parts = " + ".join(self.manifest.parts.values())
        return f"Segmenter({parts}, {self.manifest.target}, {self.manifest.precision})"

    def _run(self, picture: Any) -> list[NDArray[Any]]:
        """What comes out for one picture, without the batch's axis, cut to the picture's size."""
        image, axes = self._input(picture)
        height, width = (image.shape[axis] for axis in axes)
        padded = self._pad(image, axes)
        return [each[0, ..., :height, :width] for each in self._session(padded)]

    def _input(self, picture: Any) -> tuple[NDArray[Any], tuple[int, int]]:
        """The batch of one that the artefact takes, and its axes of height and width."""
        manifest = self.manifest
        if not manifest.normalises:
            return manifest.preprocessing.normalise(picture)[None], (2, 3)
        array, dtype = np.asarray(picture), np.uint8 if manifest.preprocessing.scaled else np.float32
        array = array[..., None] if array.ndim == 2 else array
        channels = len(manifest.preprocessing.mean)
        if array.ndim != 3 or array.shape[2] != channels:
            raise InputError(f"expected a picture (height, width, {channels}), got shape {array.shape}")
        if dtype is np.uint8 and array.dtype != np.uint8:
            raise InputError(f"expected a picture of 8 bits, which it was exported for, got {array.dtype}")
        return np.ascontiguousarray(array[None], dtype), (1, 2)

    def _pad(self, image: NDArray[Any], axes: tuple[int, int]) -> NDArray[Any]:
        """Repeat the last pixels at the right and the bottom, where the artefact takes no smaller image."""
        given = tuple(image.shape[axis] for axis in axes)
        if min(given) < 1:
            raise InputError(f"expected a picture of one pixel or more, got {given[0]}x{given[1]}")
        least = self.manifest.size or (self.manifest.minimum, self.manifest.minimum)
        if self.manifest.size and any(have > take for have, take in zip(given, least, strict=True)):
            raise InputError(
                f"it was exported for pictures of {least[0]}x{least[1]} pixels, got {given[0]}x{given[1]}: resize the "
                "picture, or export without --size"
            )
        missing = [(0, 0)] * image.ndim
        for axis, have, take in zip(axes, given, least, strict=True):
            missing[axis] = (0, max(0, take - have))
        return np.pad(image, missing, mode="edge") if any(after for _, after in missing) else image

    def _named(self, maps: list[NDArray[Any]]) -> Maps:
        names = list(self.manifest.heads)
        return maps[0] if names == [UNNAMED] else dict(zip(names, maps, strict=True))

    def _first(self) -> Labels:
        return self.labels.get(next(iter(self.manifest.heads)), Labels())


def _classes(logits: NDArray[Any]) -> NDArray[Any]:
    """Logits (classes, H, W) to a class map (H, W)."""
    if logits.shape[0] == 1:
        return (logits[0] > 0).astype(np.uint8)
    return logits.argmax(axis=0).astype(np.uint8 if logits.shape[0] <= 256 else np.int32)
