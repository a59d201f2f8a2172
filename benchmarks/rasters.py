"""What predicting large rasters costs beside the network: time by pixel, and the most memory.

GeoTIFFs of several sizes are predicted into GeoTIFFs, each in a process of its own, with a network that costs next to
nothing: one strided convolution to 150 classes. What is measured is then what surrounds a network: reading, blending,
the largest of 150 logits, writing. Processor time, which other work on the machine changes little.

Run `python benchmarks/rasters.py --help` for the options; README.md has what was measured.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from tabulate import tabulate

SIZES = (5_000, 10_000, 20_000)
CLASSES = 150
CELL = 32
"""Pixels a side that the network gives one class."""


def write_raster(path: Path, height: int, width: int) -> None:
    """A raster of three bands, at a place on the ground, of tiles that compress a little."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    random = np.random.default_rng(0)
    with rasterio.Env(GDAL_CACHEMAX=64), rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=3, dtype="uint8", tiled=True, blockxsize=512,
        blockysize=512, compress="deflate", zlevel=1, interleave="pixel", crs="EPSG:32632",
        transform=from_origin(500_000, 5_400_000, 0.5, 0.5),
    ) as file:  # fmt: skip
        for top in range(0, height, 512):
            rows = min(512, height - top)
            coarse = random.integers(0, 256, (3, math.ceil(rows / CELL), math.ceil(width / CELL)), np.uint8)
            values = coarse.repeat(CELL, 1).repeat(CELL, 2)[:, :rows, :width]
            file.write(values, window=((top, top + rows), (0, width)))


def measure(image: Path, folder: Path, tile: int) -> dict[str, float | bool]:
    """Predict a raster in this process."""
    import rasterio
    import torch
    from torch.nn import functional as F

    import segzoo
    from segzoo.mapping import HeadClasses, Predictor, Task, Wanted, predict_files
    from segzoo.prediction import Tiling

    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = torch.nn.Conv2d(3, CLASSES, CELL, CELL)

    def engine(tiles: torch.Tensor) -> torch.Tensor:
        height, width = tiles.shape[-2:]
        padded = F.pad(tiles, (0, -width % CELL, 0, -height % CELL))
        return F.interpolate(network(padded), scale_factor=CELL)[..., :height, :width]

    head = HeadClasses.of(CLASSES, segzoo.Labels())
    predictor = Predictor([engine], segzoo.Preprocessing(), {"": head}, CELL)
    before = memory("VmRSS")
    start, clock = time.process_time(), time.perf_counter()
    outcome = predict_files(predictor, [str(image)], folder, Task(Wanted(), Tiling(tile, grid=CELL)))
    spent, clock = time.process_time() - start, time.perf_counter() - clock
    if outcome.broken:
        raise SystemExit(f"{outcome.broken}")
    with rasterio.open(image) as given, rasterio.open(folder / "image.tif") as written:
        same = given.transform == written.transform and given.crs == written.crs and given.shape == written.shape
    return {"seconds": spent, "clock": clock, "before": before, "peak": memory("VmHWM"), "same": same}


def memory(kind: str) -> float:
    """Memory of the process now (`VmRSS`) or at most (`VmHWM`), in MB."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{kind}:"))
    return int(line.split()[1]) / 1000


@click.command(help=__doc__)
@click.option("--side", "sides", type=int, multiple=True, help="Width of a raster in pixels; can be repeated.")
@click.option("--height", type=int, help="In pixels, where they aren't square.")
@click.option("--tile", default=1024, show_default=True)
@click.option("--one", type=click.Path(path_type=Path), hidden=True)
def main(sides: tuple[int, ...], height: int | None, tile: int, one: Path | None) -> None:
    if one:
        print(json.dumps(measure(one / "image.tif", one / "out", tile)))
        return
    rows = []
    for side in sides or SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write_raster(Path(folder, "image.tif"), height or side, side)
            command = [sys.executable, __file__, "--one", folder, "--tile", str(tile)]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        rows.append(
            {
                "pixels": f"{height or side} x {side}",
                "seconds": round(found["seconds"], 1),
                "ns a pixel": round(1e9 * found["seconds"] / (height or side) / side),
                "memory before, MB": round(found["before"]),
                "at most, MB": round(found["peak"]),
                "same ground": found["same"],
                "clock, seconds": round(found["clock"]),
            }
        )
        print(tabulate(rows, headers="keys", tablefmt="github"), flush=True)


if __name__ == "__main__":
    main()
