"""Which of a timm model's maps are taken, and the stages at which they stand."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

import segzoo

USUAL_MAPS = 4
"""As many as most pyramids have: an encoder of one resolution gives as many of its blocks, and an encoder of as many
resolutions is a pyramid."""


@dataclass(frozen=True)
class Taps:
    """The maps that are taken.

    :param indices: of their entries in timm's `feature_info`.
    :param stages: where they stand.
    """

    indices: tuple[int, ...]
    stages: tuple[int, ...]


def choose_taps(name: str, strides: Sequence[int], depth: int | None) -> Taps:
    """Choose maps down to a depth.

    A pyramid gives one map of each resolution, its last: a stem of the first stage's stride would only blur the
    pyramid. An encoder of fewer resolutions, such as a plain transformer, gives evenly spaced ones that end with the
    last, at most four of each; at less depth fewer, where it has one resolution alone.

    :param strides: of all maps, as they are without dilation.
    :raises OptionError: for a depth that the architecture doesn't have.
    """
    runs = [tuple(run) for _, run in groupby(range(len(strides)), key=strides.__getitem__)]
    whole = _spaced(strides, [run[-1:] for run in runs] if len(runs) >= USUAL_MAPS else runs)
    stages = whole.stages
    own, least = stages[-1], max(1, stages[0]) if len(runs) > 1 else 1
    if depth is None or depth == own:
        return whole
    if depth not in range(least, own):
        raise segzoo.OptionError(
            f"timm's {name} has no depth {depth!r}: give one from {least} to {own}; its maps have the strides "
            f"{tuple(strides[index] for index in whole.indices)} and stand at stages {stages}"
        )
    if len(runs) == 1:
        return _spaced(strides, runs, deepest=depth)
    kept = sum(stage <= depth for stage in stages)
    return Taps(whole.indices[:kept], stages[:kept])


def _spaced(strides: Sequence[int], runs: Sequence[Sequence[int]], deepest: int | None = None) -> Taps:
    """Evenly spaced entries of each run of equal strides, at most four and as many as have room."""
    most = USUAL_MAPS if deepest is None else max(1, deepest - 1)
    counts = [min(len(run), most) for run in runs]
    while True:
        indices = [
            run[(i + 1) * len(run) // count - 1] for run, count in zip(runs, counts, strict=True) for i in range(count)
        ]
        taken = [strides[index] for index in indices]
        with suppress(segzoo.OptionError):  # no room
            stages = segzoo.place_stages(taken, deepest)
            if stages[0] > 0 or taken[0] == 1:  # only what has the image's resolution stands in its place
                return Taps(tuple(indices), stages)
        counts[counts.index(max(counts))] -= 1
