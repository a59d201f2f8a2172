"""Whether tiles can be told from a map: a trained model's errors where tiles meet, beside those elsewhere.

A pair is trained briefly on the demo's scenes of handwritten digits, and predicts a large picture that is made of
held-out ones, as a whole and in tiles. What is counted are pixels that the tiled map has otherwise than the whole one,
and otherwise than the truth: near the lines where one tile hands over to the next, and away from them.

Run `python benchmarks/seams.py --help` for the options; README.md has what was measured.
"""

from __future__ import annotations

from typing import NamedTuple

import click
import numpy as np
import torch
from numpy.typing import NDArray
from tabulate import tabulate

from segzoo.data.dataset import VAL
from segzoo.demo import PairName, train_pair
from segzoo.demo.dataset import ScenesDataset
from segzoo.demo.scenes import scene
from segzoo.model import SegmentationModel
from segzoo.prediction import Tiling

PAIRS = ("resnet18+fpn", "mit_b0+segformer", "resnet18+pspnet")
SCENE = 68
"""Pixels a side of a scene: no multiple of a tile's, so that lines fall everywhere in scenes alike."""
ACROSS = 20
"""Scenes in a row of the picture."""
NEAR = 8
"""Pixels on either side of a line that count as near it."""


class Shares(NamedTuple):
    """Of the pixels near a line between tiles, and of the others, how many are otherwise."""

    near: float
    away: float

    def __str__(self) -> str:
        return f"{self.near:.3%} / {self.away:.3%}"


def large_picture(across: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Held-out scenes beside and below each other, and their classes."""
    scenes = [[scene(VAL, row * across + i, size=SCENE, seed=seed) for i in range(across)] for row in range(across)]
    picture = np.concatenate([np.concatenate([each.picture for each in row], axis=1) for row in scenes])
    return picture, np.concatenate([np.concatenate([each.mask for each in row], axis=1) for row in scenes])


def near_seams(side: int, tiling: Tiling) -> NDArray[np.bool_]:
    """Which pixels of a square lie near a line at which one tile hands over to the next."""
    line = np.zeros(side, bool)
    for span in tiling.spans(side)[:-1]:
        middle = (span.last + span.gone) // 2
        line[middle - NEAR : middle + NEAR] = True
    return line[:, None] | line


def measure(
    model: SegmentationModel, picture: NDArray[np.uint8], truth: NDArray[np.int64], tiling: Tiling
) -> tuple[Shares, Shares]:
    """How many pixels of the tiled map are otherwise than the whole one, and than the truth."""
    image = model.preprocessing(picture)
    whole = model.predict(image, tile=max(image.shape)).numpy()
    tiled = model.predict(image, tile=tiling.tile, margin=tiling.margin, blend=tiling.blend).numpy()
    near = near_seams(len(truth), Tiling(tiling.tile, tiling.margin, tiling.blend, model.grid))
    changed, wrong = ((tiled != other) for other in (whole, truth))
    return (
        Shares(float(changed[near].mean()), float(changed[~near].mean())),
        Shares(float(wrong[near].mean()), float(wrong[~near].mean())),
    )


@click.command(help=__doc__)
@click.argument("pairs", nargs=-1)
@click.option("--steps", default=300, show_default=True)
@click.option("--tile", default=256, show_default=True)
def main(pairs: tuple[str, ...], steps: int, tile: int) -> None:
    torch.set_num_threads(1)
    picture, truth = large_picture(ACROSS)
    tilings = {"no margin": Tiling(tile, 0, 0), "margin": Tiling(tile, None, 0), "margin, blended": Tiling(tile)}
    rows = []
    for text in pairs or PAIRS:
        pair = PairName(*text.split("+"))
        model = train_pair(pair, ScenesDataset(steps * 16, 64, size=SCENE), steps, None, 0, True).model
        for name, tiling in tilings.items():
            changed, wrong = measure(model, picture, truth, tiling)
            rows.append({"pair": text, "tiles": name, "changed, near / away": changed, "wrong, near / away": wrong})
        print(tabulate(rows, headers="keys", tablefmt="github"), flush=True)


if __name__ == "__main__":
    main()
