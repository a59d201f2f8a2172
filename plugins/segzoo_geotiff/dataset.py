"""GeoTIFFs of any size and number of bands, read window by window."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Len

from segzoo import IGNORE, DataError, Labels, MissingExtraError
from segzoo.data import Dataset, Sample, relabel

IMAGES = ("images", "image", "imgs", "rasters", "scenes")
MASKS = ("masks", "mask", "labels", "label", "annotations", "gt")
SPLITS = {"train": ("train", "training"), "val": ("val", "valid", "validation"), "test": ("test",)}
ENDINGS = (".tif", ".tiff")
GEOREFERENCE = frozenset((33550, 33922, 34264, 34735))
"""TIFF tags of a place on the ground: pixel scale, tie points, transformation, keys."""


class GeoTiffDataset(Dataset):
    """`images/*.tif` and `masks/*.tif` of the same names and on the same grids, with `train/` and `val/` in or around.

    A sample is a window of a raster, which is never read whole.

    :param path: the folder.
    :param window: height and width of a sample, in pixels.
    :param stride: from one window to the next; as far as the window is wide if None.
    :param bands: which of the images' bands, counted from 1; all if None.
    :param classes: names; `classes.txt`, a name on each line, or the values that the masks have, if None.
    :param ignore: the values of a mask that belong to no class, besides its nodata value.
    """

    def __init__(
        self,
        path: Path,
        *,
        window: Annotated[int, Ge(16)] = 512,
        stride: Annotated[int, Ge(1)] | None = None,
        bands: Annotated[Sequence[Annotated[int, Ge(1)]], Len(1)] | None = None,
        classes: Annotated[Sequence[str], Len(1)] | None = None,
        ignore: int | Sequence[int] | None = 255,
    ) -> None:
        super().__init__(path)
        self.window, self.stride = window, stride or window
        self.bands = None if bands is None else list(bands)
        self.listed = tuple(classes or _listed(path / "classes.txt"))
        self.ignore = [ignore] if isinstance(ignore, int) else list(ignore or ())
        folders = _folders(path)
        if not folders:
            raise DataError(f"{path} has no images/ and masks/ with GeoTIFFs")
        self.rasters: dict[str, tuple[Path, Path]] = {}
        self._splits: dict[str, list[str]] = {}
        for split, (images, masks) in folders.items():
            self._splits[split] = list(self._windows(images, masks))

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        for images, _ in _folders(path).values():
            first = next((each for each in sorted(images.iterdir()) if each.suffix.lower() in ENDINGS), None)
            if first is not None and _is_georeferenced(first):
                return f"georeferenced TIFFs such as {first.relative_to(path).as_posix()}"
        return None

    @cached_property
    def channels(self) -> int:
        """The bands that are read."""
        if self.bands is not None:
            return len(self.bands)
        image, _ = next(iter(self.rasters.values()))
        with _open(image) as raster:
            return raster.count

    @cached_property
    def labels(self) -> Labels:
        """Those that are listed, or the values that the masks have."""
        if self.listed:
            return Labels(self.listed)
        from tqdm import tqdm

        names = [name for names in self._splits.values() for name in names]
        highest = max(int(self._mask(name).max(initial=0)) for name in tqdm(names, desc="reading masks", delay=2))
        return Labels(tuple(map(str, range(highest + 1))))

    def splits(self) -> Mapping[str, Sequence[str]]:
        return self._splits

    def size(self, name: str) -> tuple[int, int]:
        (top, bottom), (left, right) = _window(name)
        return bottom - top, right - left

    def read(self, name: str) -> Sample:
        image, _ = self.rasters[_raster(name)]
        with _open(image) as raster:
            if self.bands is not None and max(self.bands) > raster.count:
                raise DataError(f"{image} has {raster.count} bands; expected those numbered {self.bands}")
            values = np.moveaxis(raster.read(self.bands, window=_window(name)), 0, -1)
        return Sample(values, self._mask(name), name)

    def _mask(self, name: str) -> Any:
        _, mask = self.rasters[_raster(name)]
        with _open(mask) as raster:
            values = raster.read(1, window=_window(name))
            nodata = [] if raster.nodata is None else [int(raster.nodata)]
        return relabel(values, dict.fromkeys([*self.ignore, *nodata], IGNORE))

    def _windows(self, images: Path, masks: Path) -> Iterator[str]:
        for image in sorted(each for each in images.iterdir() if each.suffix.lower() in ENDINGS):
            mask = next((file for ending in ENDINGS if (file := masks / f"{image.stem}{ending}").is_file()), None)
            if mask is None:
                raise DataError(f"{image} has no mask: expected {masks / image.name}")
            with _open(image) as raster, _open(mask) as truth:
                height, width = raster.height, raster.width
                if (truth.height, truth.width) != (height, width):
                    raise DataError(
                        f"{image} has {height}x{width} pixels, {mask} {truth.height}x{truth.width}; expected one grid"
                    )
                if (
                    truth.crs
                    and raster.crs
                    and (truth.crs != raster.crs or not truth.transform.almost_equals(raster.transform, 1e-6))
                ):
                    raise DataError(
                        f"{image} and {mask} lie on other grids on the ground; warp the mask to the image's"
                    )
            name = image.relative_to(self.path).as_posix()
            self.rasters[name] = image, mask
            for top in _starts(height, self.window, self.stride):
                for left in _starts(width, self.window, self.stride):
                    bottom, right = min(top + self.window, height), min(left + self.window, width)
                    yield f"{name}[{top}:{bottom},{left}:{right}]"


def _starts(side: int, window: int, stride: int) -> list[int]:
    """Where windows begin: the last one ends with the raster.

    >>> _starts(1000, 512, 512), _starts(100, 512, 512)
    ([0, 488], [0])
    """
    last = max(0, side - window)
    return sorted({*range(0, last, stride), last})


def _raster(name: str) -> str:
    return name.rpartition("[")[0]


def _window(name: str) -> tuple[tuple[int, int], tuple[int, int]]:
    rows, columns = name.removesuffix("]").rpartition("[")[2].split(",")
    top, bottom = map(int, rows.split(":"))
    left, right = map(int, columns.split(":"))
    return (top, bottom), (left, right)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    try:
        import rasterio
    except ImportError as error:
        raise MissingExtraError(f'{path} needs rasterio ({error}): pip install "segzoo-torch[geotiff]"') from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
            with rasterio.open(path) as raster:
                yield raster
    except rasterio.errors.RasterioError as error:
        raise DataError(f"{path} can't be read: {error}; replace the file, or take it out of the dataset") from error


def _is_georeferenced(file: Path) -> bool:
    """By its header, which needs no rasterio."""
    from PIL import Image

    try:
        with Image.open(file) as opened:
            return bool(GEOREFERENCE & set(getattr(opened, "tag_v2", ())))
    except Exception:  # bands that Pillow doesn't know: pictures of a camera have none of these
        return True


def _folders(path: Path) -> dict[str, tuple[Path, Path]]:
    """The folders of images and masks of each split that hold TIFFs."""
    both = _beside(path)
    if both is None:
        found = {split: each for split, words in SPLITS.items() if (each := _beside(_child(path, words)))}
    else:
        inside = {
            split: (images, masks)
            for split, words in SPLITS.items()
            if (images := _child(both[0], words)) and (masks := _child(both[1], words))
        }
        found = inside or {"all": both}
    return {split: each for split, each in found.items() if any(f.suffix.lower() in ENDINGS for f in each[0].iterdir())}


def _beside(path: Path | None) -> tuple[Path, Path] | None:
    images, masks = (None, None) if path is None else (_child(path, IMAGES), _child(path, MASKS))
    return (images, masks) if images and masks else None


def _child(path: Path, words: Sequence[str]) -> Path | None:
    return next((path / word for word in words if (path / word).is_dir()), None)


def _listed(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        return ()
    try:
        return tuple(line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} can't be read as a list of classes: {error}") from error
