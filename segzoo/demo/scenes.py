"""Labelled scenes that need no download: scans of real handwritten digits, coloured, enlarged and strewn on textures.

The scans are those of `sklearn.datasets.load_digits` (1797 of 8x8 pixels, from the UCI repository). Each of the ten
digits is a class, and 0 is the background; each digit that is laid there is an object. A scene is a function of its
seed, its split and its number alone.
"""

from __future__ import annotations

from functools import cache
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from segzoo.data.dataset import TRAIN, VAL
from segzoo.demo.extras import require_extras
from segzoo.errors import OptionError
from segzoo.files import write_whole
from segzoo.pictures import palette

CLASSES = ("background", *"0123456789")
PALETTE = palette(len(CLASSES))
THINGS = tuple(range(1, len(CLASSES)))
SPLITS = (TRAIN, VAL)
SMALLEST = 16
"""Pixels a side that digits need."""

DIGITS_PER_SCENE = (2, 4)
DIGIT_SIZE = (0.42, 0.52)  # of the scene's side
TILT = 0.1  # radians, either way
DARKEST_INK = 0.4


class Scans(NamedTuple):
    """Handwritten digits as scanned.

    :param ink: float32 (N, 8, 8), from 0 (paper) to 1.
    :param digit: int64 (N,), 0 to 9.
    """

    ink: Tensor
    digit: NDArray[np.int64]


class Scene(NamedTuple):
    """A picture and its truth.

    :param picture: uint8 (H, W, 3), to look at.
    :param mask: int64 (H, W), 0 for background, 1 + d for digit d.
    :param instances: int64 (H, W), 0 for background, k for the k-th digit that was laid there.
    """

    picture: NDArray[np.uint8]
    mask: NDArray[np.int64]
    instances: NDArray[np.int64]


def check_scenes(train: int, val: int, size: int) -> None:
    """See that there can be such scenes.

    :raises OptionError: for a split without scenes, or fewer than 16 pixels a side.
    """
    if train < 1 or val < 1 or size < SMALLEST:
        raise OptionError(
            f"expected 1 scene or more of each split, and {SMALLEST} pixels a side or more; got {train=}, {val=}, "
            f"{size=}"
        )


def write_scenes(folder: str | PathLike[str], train: int = 1024, val: int = 256, size: int = 64, seed: int = 0) -> None:
    """Write scenes as files that the dataset `folder` reads: a small set to try training on.

    That is `train/images`, `train/masks`, `train/instances`, the same for `val`, all PNG, `classes.txt` and
    `things.txt`. The masks' colours are in their palettes. The folder appears when all is written.

    :param train: scenes to train on; `val`: scenes of other scans to validate on.
    :param size: height and width in pixels.
    :param seed: another seed, other scenes.
    :raises OptionError: for a folder that has something in it or can't be written, or numbers out of range.
    :raises MissingExtraError: without scikit-learn.
    """
    from tqdm.auto import tqdm

    check_scenes(train, val, size)
    require_extras()
    target = Path(folder)
    try:
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise OptionError(f"{target} is there and has something in it; give a new folder for the scenes")
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as beside,
            tqdm(total=train + val, unit="scene", delay=2) as progress,
        ):
            unfinished = Path(beside, "scenes")
            for split, count in zip(SPLITS, (train, val), strict=True):
                for kind in ("images", "masks", "instances"):
                    (unfinished / split / kind).mkdir(parents=True)
                for index in range(count):
                    _write(scene(split, index, size=size, seed=seed), unfinished / split, f"{index:05d}.png")
                    progress.update()
            write_whole(unfinished / "classes.txt", "\n".join(CLASSES) + "\n")
            write_whole(unfinished / "things.txt", "\n".join(CLASSES[thing] for thing in THINGS) + "\n")
            if target.is_dir():
                target.rmdir()
            unfinished.rename(target)
    except OSError as error:
        raise OptionError(f"can't write scenes to {target}: {error.strerror or error}; give another folder") from error


def _write(scene: Scene, folder: Path, name: str) -> None:
    from PIL import Image

    Image.fromarray(scene.picture).save(folder / "images" / name)
    mask = Image.fromarray(scene.mask.astype(np.uint8))
    mask.putpalette([value for colour in PALETTE for value in colour])
    mask.save(folder / "masks" / name)
    Image.fromarray(scene.instances.astype(np.uint8)).save(folder / "instances" / name)


def scene(split: str, index: int, *, size: int = 64, seed: int = 0) -> Scene:
    """One scene. Those of different splits share no scan. Where digits overlap, the later one lies on top.

    :param split: `"train"` or `"val"`.
    :raises MissingExtraError: without scikit-learn.

    >>> [(each.shape, each.dtype.name) for each in scene("train", 0)]
    [((64, 64, 3), 'uint8'), ((64, 64), 'int64'), ((64, 64), 'int64')]
    """
    return compose(scans(split), size, np.random.default_rng((seed, SPLITS.index(split), index)))


@cache
def scans(split: str) -> Scans:
    """The scans of one split: three quarters for training, the others for validation, always the same ones.

    :raises MissingExtraError: without scikit-learn.
    """
    require_extras()
    from sklearn.datasets import load_digits

    ink, digit = load_digits(return_X_y=True)
    shuffled = np.random.default_rng(0).permutation(len(digit))
    train, val = np.split(shuffled, [len(digit) * 3 // 4])
    chosen = train if split == TRAIN else val
    return Scans(torch.from_numpy(ink[chosen].reshape(-1, 8, 8) / 16).float(), digit[chosen].astype(np.int64))


def compose(scans: Scans, size: int, rng: Generator, digits: tuple[int, int] = DIGITS_PER_SCENE) -> Scene:
    """Paint one scene: a background, then each digit over those before it.

    :param digits: the fewest and the most.
    """
    count = rng.integers(*digits, endpoint=True)
    chosen = rng.integers(len(scans.digit), size=count)
    ink = strew(scans.ink[chosen], size, rng)
    canvas = background(size, rng)
    mask = np.zeros((size, size), np.int64)
    instances = np.zeros_like(mask)
    for number, (stroke, digit) in enumerate(zip(ink, scans.digit[chosen], strict=True), 1):
        shadow = np.clip(stroke / 0.3, 0, 1)[..., None]
        opacity = np.clip((stroke - 0.25) / 0.3, 0, 1)[..., None]
        canvas = canvas * (1 - 0.8 * shadow)
        canvas = canvas + opacity * (bright_colour(rng) - canvas)
        mask[stroke > 0.4] = 1 + digit
        instances[stroke > 0.4] = number
    canvas = canvas + rng.normal(0, rng.uniform(0.01, 0.05), canvas.shape)
    return Scene((np.clip(canvas, 0, 1) * 255).round().astype(np.uint8), mask, instances)


def strew(ink: Tensor, size: int, rng: Generator) -> NDArray[np.float32]:
    """Enlarge, tilt and place each scan on a canvas of its own.

    :param ink: (K, 8, 8).
    :returns: (K, size, size).
    """
    count = len(ink)
    scale = rng.uniform(*DIGIT_SIZE, count)
    tilt = rng.uniform(-TILT, TILT, count)
    centre = spread(scale, rng)
    # affine_grid asks where on the scan, from -1 to 1, a pixel of the canvas comes from: the inverse of the placement.
    cos, sin = np.cos(tilt) / scale, np.sin(tilt) / scale
    turn = np.stack([np.stack([cos, sin], 1), np.stack([-sin, cos], 1)], 1)
    inverse = np.concatenate([turn, -turn @ centre[:, :, None]], 2)
    grid = F.affine_grid(torch.from_numpy(inverse).float(), [count, 1, size, size], align_corners=False)
    return F.grid_sample(ink[:, None], grid, mode="bicubic", align_corners=False)[:, 0].numpy()


def spread(scale: NDArray[np.float64], rng: Generator) -> NDArray[np.float64]:
    """Centres, from -1 to 1, that keep digits on the canvas and overlap little: of some candidates, the farthest away.

    :param scale: (K,), of the canvas's side.
    :returns: (K, 2).
    """
    centres = np.empty((0, 2))
    for margin in scale:
        candidates = rng.uniform(margin - 1, 1 - margin, (20, 2))
        nearest = np.linalg.norm(candidates[:, None] - centres, axis=2).min(axis=1, initial=np.inf)
        centres = np.vstack([centres, candidates[nearest.argmax()]])
    return centres


def background(size: int, rng: Generator) -> NDArray[np.float64]:
    """Two dark colours, mixed by cloudy noise and stripes: (size, size, 3), from 0 to 1."""
    colours = rng.uniform(0, DARKEST_INK, (2, 3))
    coarse = torch.from_numpy(rng.uniform(0, 1, (1, 1, 5, 5)))
    clouds = F.interpolate(coarse, (size, size), mode="bilinear", align_corners=False)[0, 0].numpy()
    angle, waves, phase = rng.uniform(0, (np.pi, 12, 2 * np.pi))
    across = np.linspace(0, 2 * np.pi, size)
    stripes = np.sin(waves * (np.cos(angle) * across[:, None] + np.sin(angle) * across) + phase)
    mixture = np.clip(clouds + rng.uniform(0, 0.3) * stripes, 0, 1)[..., None]
    return colours[0] * mixture + colours[1] * (1 - mixture)


def bright_colour(rng: Generator) -> NDArray[np.float64]:
    """A colour (3,) of full value: one of the three channels at 1, the others at will."""
    colour = rng.uniform(DARKEST_INK, 1, 3)
    return colour / colour.max()
