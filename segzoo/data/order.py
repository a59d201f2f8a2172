"""In which order samples are read: a pure function of a seed, so that a run that was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from segzoo.errors import OptionError


class Draw(NamedTuple):
    """A sample, and the seed of what chance does to it.

    :param number: of the sample; None for a blank, which fills a batch up and counts for nothing.
    :param seed: None leaves it to the random numbers of the process.
    """

    number: int | None
    seed: int | None = None


class Stream(Sampler[list[Draw]]):
    """The batches of a training: one shuffled pass over the samples after the other, as many as there are steps.

    :param length: how many samples there are.
    :param batch_size: samples of one step, over all processes.
    :param steps: how many batches are drawn.
    :param start: the step that the first of them is.
    :param rank: which of `world` processes this is: it gets its share of each batch.
    :raises OptionError: for no samples, or a batch that can't be shared out evenly.
    """

    def __init__(
        self, length: int, batch_size: int, *, seed: int = 0, steps: int, start: int = 0, rank: int = 0, world: int = 1
    ) -> None:
        if length < 1:
            raise OptionError(f"expected one sample or more, got {length}")
        if batch_size < 1 or batch_size % world:
            raise OptionError(f"expected a batch that {world} processes share evenly, got {batch_size} samples")
        self.length = length
        self.batch_size = batch_size
        self.seed = seed
        self.steps = steps
        self.start = start
        self.rank = rank
        self.world = world

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[list[Draw]]:
        order, drawn = np.empty(0, int), -1
        for step in range(self.start, self.start + self.steps):
            batch = []
            for place in range(step * self.batch_size + self.rank, (step + 1) * self.batch_size, self.world):
                this_pass, position = divmod(place, self.length)
                if this_pass != drawn:
                    order, drawn = np.random.default_rng((self.seed, this_pass)).permutation(self.length), this_pass
                chance = np.random.SeedSequence((self.seed, place)).generate_state(1, np.uint64)[0]
                batch.append(Draw(int(order[position]), int(chance >> np.uint64(1))))
            yield batch


class Evenly(Sampler[list[Draw]]):
    """The batches of a validation: each sample once over all processes, and as many batches for each of them.

    Processes that run the model together must call it equally often; blanks make up for the samples that lack.
    """

    def __init__(self, length: int, batch_size: int, *, rank: int = 0, world: int = 1) -> None:
        self.length = length
        self.batch_size = batch_size
        self.rank = rank
        self.world = world

    def __len__(self) -> int:
        return -(-self.length // (self.batch_size * self.world))

    def __iter__(self) -> Iterator[list[Draw]]:
        own = list(range(self.rank, self.length, self.world))
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            yield [Draw(number) for number in own[start : start + self.batch_size]] or [Draw(None)]
