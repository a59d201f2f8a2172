"""Scenes to look at: handwriting that a person reads as what it is.

Among the scans are sevens like nines and ones like eights. Models are trained and scored on all of them; the pictures
show those of the held-out scans that resemble their own digit most, and fewer in a scene.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from segzoo.data.dataset import VAL
from segzoo.demo.scenes import Scans, Scene, compose, scans

KEPT = 0.25  # of the scans of each digit
DIGITS = (2, 3)


def clear_scene(index: int, *, size: int, seed: int) -> Scene:
    """One scene of clear held-out scans, a function of its number and the seed alone.

    :raises MissingExtraError: without scikit-learn.
    """
    return compose(clear_scans(), size, np.random.default_rng((seed, index)), DIGITS)


@cache
def clear_scans() -> Scans:
    """The held-out scans that are much nearer to the mean of their digit than to any other digit's."""
    everything = scans(VAL)
    ink, digit = everything.ink.flatten(1), torch.from_numpy(everything.digit)
    means = torch.stack([ink[digit == each].mean(0) for each in range(10)])
    distance = torch.cdist(ink, means)
    own = distance.gather(1, digit[:, None])
    others = distance.scatter(1, digit[:, None], torch.inf).amin(1, keepdim=True)
    margin = (others - own).squeeze(1)
    clear = torch.cat([_best(margin, digit == each) for each in range(10)])
    return Scans(everything.ink[clear], everything.digit[clear.numpy()])


def _best(margin: torch.Tensor, those: torch.Tensor) -> torch.Tensor:
    numbers = those.nonzero().squeeze(1)
    return numbers[margin[numbers].topk(max(1, round(KEPT * len(numbers)))).indices]
