"""Labelled scenes that need no download: scans of real handwritten digits, coloured, enlarged and strewn on textures.

The scans are those of `sklearn.datasets.load_digits` (1797 of 8x8 pixels, from the UCI repository). Each of the ten
digits is a class, and 0 is the background. A scene is a function of its seed, its split and its index alone.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import Dataset

from segzoo.demo.extras import require_extras
from segzoo.errors import OptionError
from segzoo.preprocessing import Preprocessing

CLASSES = ("background", *"0123456789")
Split = Literal["train", "held-out"]
SPLITS: tuple[Split, ...] = ("train", "held-out")

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
    """

    picture: NDArray[np.uint8]
    mask: NDArray[np.int64]


@cache
def scans(split: Split) -> Scans:
    """The scans of one split: three quarters for training, the others held out, always the same ones.

    :raises MissingExtraError: without scikit-learn.
    """
    require_extras()
    from sklearn.datasets import load_digits

    ink, digit = load_digits(return_X_y=True)
    shuffled = np.random.default_rng(0).permutation(len(digit))
    train, held_out = np.split(shuffled, [len(digit) * 3 // 4])
    chosen = train if split == "train" else held_out
    return Scans(torch.from_numpy(ink[chosen].reshape(-1, 8, 8) / 16).float(), digit[chosen].astype(np.int64))


class DigitScenes(Dataset[tuple[Tensor, Tensor]]):
    """Scenes of coloured handwritten digits, composed when they are asked for.

    Scenes of different splits share no scan. Where digits overlap, the later one lies on top.

    :param split: `"train"` or `"held-out"`.
    :param count: how many scenes; a longer dataset begins with the scenes of a shorter one.
    :param size: height and width in pixels.
    :param seed: another seed, other scenes.
    :param preprocessing: turns the picture into the model's input; pass `model.preprocessing`.
    :raises OptionError: for an unknown split, no scenes, or fewer than 16 pixels.
    :raises MissingExtraError: without scikit-learn.

    >>> image, mask = DigitScenes("train", count=100)[0]
    >>> image.shape, image.dtype, mask.shape, mask.dtype
    (torch.Size([3, 64, 64]), torch.float32, torch.Size([64, 64]), torch.int64)
    """

    classes = CLASSES

    def __init__(
        self, split: Split, count: int, *, size: int = 64, seed: int = 0, preprocessing: Preprocessing | None = None
    ) -> None:
        if split not in SPLITS:
            raise OptionError(f"expected a split of {', '.join(SPLITS)}, got {split!r}")
        if count < 1:
            raise OptionError(f"expected 1 scene or more, got count={count}")
        if size < 16:
            raise OptionError(f"digits need scenes of 16 pixels or more, got size={size}")
        self.split = split
        self.count = count
        self.size = size
        self.seed = seed
        self.preprocessing = preprocessing or Preprocessing()
        self.scans = scans(split)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """The normalised image, float32 (3, size, size), and the mask, int64 (size, size)."""
        picture, mask = self.scene(index)
        return self.preprocessing(picture), torch.from_numpy(mask)

    def scene(self, index: int) -> Scene:
        """The scene as a person looks at it."""
        if not 0 <= index < self.count:
            raise IndexError(f"scene {index} of {self.count}")
        return compose(self.scans, self.size, np.random.default_rng((self.seed, SPLITS.index(self.split), index)))


def compose(scans: Scans, size: int, rng: Generator) -> Scene:
    """Paint one scene: a background, then each digit over those before it."""
    count = rng.integers(*DIGITS_PER_SCENE, endpoint=True)
    chosen = rng.integers(len(scans.digit), size=count)
    ink = strew(scans.ink[chosen], size, rng)
    canvas = background(size, rng)
    mask = np.zeros((size, size), np.int64)
    for stroke, digit in zip(ink, scans.digit[chosen], strict=True):
        shadow = np.clip(stroke / 0.3, 0, 1)[..., None]
        opacity = np.clip((stroke - 0.25) / 0.3, 0, 1)[..., None]
        canvas = canvas * (1 - 0.8 * shadow)
        canvas = canvas + opacity * (bright_colour(rng) - canvas)
        mask[stroke > 0.4] = 1 + digit
    canvas = canvas + rng.normal(0, rng.uniform(0.01, 0.05), canvas.shape)
    return Scene((np.clip(canvas, 0, 1) * 255).round().astype(np.uint8), mask)


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
