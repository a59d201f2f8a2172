"""Whether tiles can be told from a map: a trained model's errors where tiles meet, beside those elsewhere.

A pair is trained briefly on the demo's scenes of handwritten digits, and predicts large pictures that are made of
held-out ones, as a whole and in tiles. What is counted are pixels that the tiled map has otherwise than the whole one,
near the lines where one tile hands over to the next, and away from them; and how many more of these are wrong than in
the whole one.

Run `python benchmarks/seams.py --help` for the options; README.md has what was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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

PAIRS = ("test_resnet+fpn", "resnet18+fpn", "mit_b0+segformer")
SCENE = 68
"""Pixels a side of a scene."""
ACROSS = 20
"""Scenes in a row of the picture."""
NEAR = 8
"""Pixels on either side of a line that count as near it."""


class Shares(NamedTuple):
    """Of the pixels near a line between tiles, and of the others; and how far their difference may be chance.

    :ivar error: the standard error of the difference, from picture to picture.
    """

    near: float
    away: float
    error: float

    def __str__(self) -> str:
        return f"{self.near:.2%} / {self.away:.2%} ± {self.error:.2%}"

    @classmethod
    def of(cls, pictures: Sequence[tuple[float, float]]) -> Shares:
        values = np.array(pictures)
        difference = values[:, 0] - values[:, 1]
        error = difference.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else math.nan
        return cls(*values.mean(axis=0), float(error))


def large_picture(across: int, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Held-out scenes beside and below each other, and their classes.

    :param seed: another seed, other scenes, moved otherwise, so that lines between tiles fall elsewhere in them.
    """
    shift = np.random.default_rng(seed).integers(0, SCENE, 2)
    scenes = [[scene(VAL, row * across + i, size=SCENE, seed=seed) for i in range(across)] for row in range(across)]
    picture = np.concatenate([np.concatenate([each.picture for each in row], axis=1) for row in scenes])
    classes = np.concatenate([np.concatenate([each.mask for each in row], axis=1) for row in scenes])
    return np.roll(picture, shift, axis=(0, 1)), np.roll(classes, shift, axis=(0, 1))


def near_seams(side: int, tiling: Tiling) -> NDArray[np.bool_]:
    """Which pixels of a square lie near a line at which one tile hands over to the next."""
    line = np.zeros(side, bool)
    for span in tiling.spans(side)[:-1]:
        middle = (span.last + span.gone) // 2
        line[middle - NEAR : middle + NEAR] = True
    return line[:, None] | line


def measure(
    model: SegmentationModel, tilings: Mapping[str, Tiling], pictures: int, across: int = ACROSS
) -> dict[str, tuple[Shares, Shares]]:
    """How many pixels of tiled maps are otherwise than the whole ones, and how many more are wrong."""
    changed: dict[str, list[tuple[float, float]]] = {name: [] for name in tilings}
    wrong: dict[str, list[tuple[float, float]]] = {name: [] for name in tilings}
    for seed in range(pictures):
        picture, truth = large_picture(across, seed)
        image = model.preprocessing(picture)
        whole = model.predict(image, tile=max(image.shape)).numpy()
        for name, tiling in tilings.items():
            near = near_seams(len(truth), Tiling(tiling.tile, tiling.margin, tiling.blend, model.grid))
            tiled = model.predict(image, tile=tiling.tile, margin=tiling.margin, blend=tiling.blend).numpy()
            more = (tiled != truth).astype(int) - (whole != truth)
            changed[name].append(((tiled != whole)[near].mean(), (tiled != whole)[~near].mean()))
            wrong[name].append((more[near].mean(), more[~near].mean()))
    return {name: (Shares.of(changed[name]), Shares.of(wrong[name])) for name in tilings}


@click.command(help=__doc__)
@click.argument("pairs", nargs=-1)
@click.option("--steps", default=300, show_default=True)
@click.option("--tile", default=256, show_default=True)
@click.option("--pictures", default=6, show_default=True)
def main(pairs: tuple[str, ...], steps: int, tile: int, pictures: int) -> None:
    torch.set_num_threads(1)
    tilings = {"no margin": Tiling(tile, 0, 0), "margin": Tiling(tile, None, 0), "margin, blended": Tiling(tile)}
    rows = []
    for text in pairs or PAIRS:
        pair = PairName(*text.split("+"))
        model = train_pair(pair, ScenesDataset(steps * 16, 64, size=SCENE), steps, None, 0, True).model
        for name, (changed, more) in measure(model, tilings, pictures).items():
            rows.append({"pair": text, "tiles": name, "changed, near / away": changed, "more wrong, near / away": more})
        print(tabulate(rows, headers="keys", tablefmt="github"), flush=True)


if __name__ == "__main__":
    main()
