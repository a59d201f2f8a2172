"""A predictor whose class is the brightest channel: what must come out is known."""

import warnings

import numpy as np
import torch

from segzoo.labels import Labels
from segzoo.mapping.head_classes import HeadClasses
from segzoo.mapping.predictor import Predictor
from segzoo.mapping.task import Task, Wanted
from segzoo.prediction import Tiling
from segzoo.preprocessing import Preprocessing

NAMES = ("red", "green", "blue")
COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
SMALL = Tiling(tile=64, margin=8, blend=8)


def brightest(channels=3, **heads):
    """The class is the number of the brightest channel."""
    shape = (0.0,) * channels, (1.0,) * channels
    head = HeadClasses.of(channels, Labels(NAMES, COLOURS) if channels == 3 else Labels())
    return Predictor([lambda tiles: 10 * tiles], Preprocessing(*shape), heads or {"": head})


def task(tiling=SMALL, batch=1, bands=None, **wanted):
    return Task(Wanted(**wanted), tiling, batch, bands)


def noise(height, width, channels=3, dtype=np.uint8):
    """A picture, whose class is as its largest value."""
    generator = np.random.default_rng(height * width)
    return generator.permuted(np.tile(np.arange(1, channels + 1), (height, width, 1)), axis=2).astype(dtype) * 20


def as_tiff(path, picture, *, nodata=None, crs="EPSG:32632", transform=None, **options):
    import rasterio
    from rasterio.transform import from_origin

    bands = np.moveaxis(picture, -1, 0)
    place = {"crs": crs, "transform": transform or from_origin(500_000, 5_400_000, 0.5, 0.5)} if crs else {}
    count, height, width = bands.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver="GTiff", height=height, width=width, count=count, dtype=bands.dtype.name, nodata=nodata,
            **place, **options,
        ) as file:  # fmt: skip
            file.write(bands)
    return path


def truth(picture):
    return torch.from_numpy(picture.astype(np.float32)).argmax(-1).numpy()
