"""Batches out of worker processes: the same as without, errors included."""

import copy
import multiprocessing
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from arrays import Arrays, random_arrays

from segzoo.data import Augmentation, Evenly, Samples, Stream, collate, loader
from segzoo.data.batches import original
from segzoo.errors import DataError, MissingExtraError, OptionError
from segzoo.labels import IGNORE
from segzoo.preprocessing import Preprocessing

PLAIN = Preprocessing()


def test_a_batch_is_padded_at_the_right_and_the_bottom() -> None:
    sizes = [(4, 9), (7, 5)]
    images, masks = collate([(torch.ones(2, *size), torch.ones(size).long()) for size in sizes])
    assert (images.shape, masks.shape) == ((2, 2, 7, 9), (2, 7, 9))
    for place, (height, width) in enumerate(sizes):
        assert images[place, :, :height, :width].all()
        assert images[place].sum() == 2 * height * width
        assert (masks[place, :height, :width] == 1).all()
        assert (masks[place] == IGNORE).sum() == 63 - height * width


def test_samples_of_one_size_are_stacked() -> None:
    samples = [(torch.rand(3, 4, 5), torch.randint(0, 3, (4, 5))) for _ in range(2)]
    images, masks = collate(samples)
    assert all(torch.equal(images[k], image) and torch.equal(masks[k], mask) for k, (image, mask) in enumerate(samples))


def batches(workers: int, steps: int = 4) -> list[Any]:
    data = random_arrays(7, (20, 24))
    samples = Samples(data, list(data.images), PLAIN, Augmentation((16, 16)))
    return list(loader(samples, Stream(7, 3, seed=1, steps=steps), workers))


def test_workers_change_nothing() -> None:
    for here, there in zip(batches(0), batches(2), strict=True):
        assert torch.equal(here[0], there[0])
        assert torch.equal(here[1], there[1])


@pytest.mark.parametrize("workers", [0, 1])
def test_reading_leaves_the_random_numbers_of_the_model_alone(workers: int) -> None:
    before = torch.get_rng_state()
    batches(workers)
    assert torch.equal(torch.get_rng_state(), before)


def test_workers_read_again() -> None:
    data = random_arrays(4)
    read = loader(Samples(data, list(data.images), PLAIN), Evenly(4, 2), 1)
    assert len(list(read)) == len(list(read)) == len(read) == 2


def message_of(samples: Samples, workers: int, error: type[Exception]) -> str:
    try:
        list(loader(samples, Evenly(1, 1), workers))
    except error as raised:
        return str(raised)
    pytest.fail("no error was raised")


def broken() -> Arrays:
    return Arrays({"a.png": None}, {"a.png": None})


def test_an_error_of_a_worker_reads_as_that_of_this_process() -> None:
    samples = Samples(broken(), ["a.png"], PLAIN)
    assert message_of(samples, 1, DataError) == message_of(samples, 0, DataError) == (
        "a.png can't be read: it is cut off; replace it"
    )  # fmt: skip


def test_an_error_of_another_type_keeps_it() -> None:
    data = random_arrays(1)
    samples = Samples(data, ["0.png"], PLAIN, lambda image, mask: None)  # type: ignore[arg-type,return-value]
    assert message_of(samples, 1, OptionError) == "expected the transform to return an image and a mask, got None"


class Chained(Arrays):
    def read(self, name: str) -> Any:
        try:
            raise OSError("disk says\nno")
        except OSError as error:
            raise MissingExtraError(f"{name} needs more\nthan this") from error


def test_an_error_of_several_lines_and_causes_is_told_whole() -> None:
    samples = Samples(Chained({}, {}), ["a.png"], PLAIN)
    assert message_of(samples, 1, MissingExtraError) == "a.png needs more\nthan this"


def test_the_processes_end_with_the_error() -> None:
    message_of(Samples(broken(), ["a.png"], PLAIN), 2, DataError)
    assert not multiprocessing.active_children()


def test_an_error_of_this_process_stays_the_same() -> None:
    error = DataError("a.png is broken")
    assert original(error) is error


def test_a_broken_file_among_many_is_skipped_by_a_worker() -> None:
    data = random_arrays(3, (32, 32))
    data.images["1.png"] = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (batch,) = loader(Samples(data, list(data.images), PLAIN, broken="skip"), Evenly(3, 3), 1)
    assert [bool((mask == IGNORE).all()) for mask in batch[1]] == [False, True, False]


def test_a_blank_of_a_training_batch_makes_it_no_larger() -> None:
    data = random_arrays(2, (20, 20))
    data.images["1.png"] = None
    samples = Samples(data, list(data.images), PLAIN, Augmentation((16, 16)), broken="skip")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (batch,) = loader(samples, Stream(2, 2, steps=1))
    assert batch[0].shape == (2, 3, 16, 16)


def test_samples_reach_a_process_that_starts_afresh() -> None:
    data = random_arrays(2)
    samples = Samples(data, list(data.images), PLAIN, Augmentation((8, 8)))
    again = pickle.loads(pickle.dumps(copy.deepcopy(samples)))
    assert np.array_equal(again.dataset.images["0.png"], data.images["0.png"])
