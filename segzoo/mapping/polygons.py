"""A class map as polygons, in a GeoPackage."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from segzoo.errors import MissingExtraError, OptionError
from segzoo.mapping.head_classes import HeadClasses
from segzoo.mapping.rasters import open_raster

LAYER = "classes"
TOGETHER = 10_000
"""Polygons that are written at once."""


def check_polygons() -> None:
    """See that polygons can be written.

    :raises MissingExtraError: when a library is missing.
    """
    try:
        import geopandas  # noqa: F401
        import rasterio  # noqa: F401
        import shapely  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            f'polygons need geopandas and rasterio ({error}): pip install "segzoo-torch[polygons]"'
        ) from error


def write_polygons(classes: Path, path: Path, head: HeadClasses) -> None:
    """Draw around each connected region of one class. Pixels without data are left out, and the 0 of a single class.

    Pixels that touch at a corner alone are not connected. Without a georeference, coordinates are pixels: to the right,
    and down.

    :param classes: the file of a class map.
    :param path: a GeoPackage with one layer, `classes`: polygons, each with the number and the name of its class.
    :raises OptionError: when it can't be written.
    """
    import geopandas
    import rasterio
    from rasterio.features import shapes
    from shapely.geometry import shape

    with open_raster(classes) as raster:
        found = shapes(rasterio.band(raster, 1), connectivity=4, transform=raster.transform)
        left_out = (head.nodata, 0) if head.count == 1 else (head.nodata,)
        kept = ((shape(outline), int(value)) for outline, value in found if value not in left_out)
        mode = "w"
        for part in _parts(kept):
            numbers = [number for _, number in part]
            frame = geopandas.GeoDataFrame(
                {"class": numbers, "name": [head.labels.name(number) for number in numbers]},
                geometry=[outline for outline, _ in part],
                crs=raster.crs,
            )
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of the passing name's ending, and of a missing projection
                    frame.to_file(
                        path, driver="GPKG", layer=LAYER, mode=mode, engine="pyogrio", geometry_type="Polygon"
                    )
            except Exception as error:  # whatever kind the library has for it
                raise OptionError(f"can't write to {path}: {error}; is the disk full?") from error
            mode = "a"


def _parts(found: Iterator[tuple[object, int]]) -> Iterator[list[tuple[object, int]]]:
    """So many at a time; none at all once, if there are none."""
    part = list(islice(found, TOGETHER))
    while True:
        yield part
        part = list(islice(found, TOGETHER))
        if not part:
            return
