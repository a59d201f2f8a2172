"""The order of samples: the same for a seed, whatever stopped the run and however many processes share it."""

from collections import Counter
from itertools import chain

import pytest

from segzoo.data import Draw, Evenly, Stream
from segzoo.errors import OptionError


def numbers(stream: Stream | Evenly) -> list[int | None]:
    return [draw.number for draw in chain(*stream)]


def test_each_pass_has_every_sample_once() -> None:
    drawn = numbers(Stream(10, 4, steps=5))
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10))


def test_each_pass_has_another_order() -> None:
    drawn = numbers(Stream(10, 5, steps=4))
    assert drawn[:10] != drawn[10:]


def test_a_stream_goes_on_where_it_was() -> None:
    whole = list(Stream(7, 3, seed=5, steps=20))
    assert list(Stream(7, 3, seed=5, steps=11, start=9)) == whole[9:]


def test_a_stream_can_be_read_twice() -> None:
    stream = Stream(7, 3, steps=4)
    assert list(stream) == list(stream)


def test_another_seed_has_another_order() -> None:
    assert numbers(Stream(20, 4, seed=1, steps=5)) != numbers(Stream(20, 4, seed=2, steps=5))


def test_the_processes_share_the_batch_of_one() -> None:
    alone = list(Stream(7, 6, steps=5))
    shared = [list(Stream(7, 6, steps=5, rank=rank, world=3)) for rank in range(3)]
    assert [sorted(chain(*parts)) for parts in zip(*shared, strict=True)] == [sorted(batch) for batch in alone]


def test_each_process_gets_as_many() -> None:
    assert {len(batch) for rank in range(3) for batch in Stream(7, 6, steps=5, rank=rank, world=3)} == {2}


def test_a_batch_may_be_larger_than_the_set() -> None:
    (batch,) = Stream(3, 8, steps=1)
    assert sorted(Counter(draw.number for draw in batch).values()) == [2, 3, 3]


def test_a_sample_has_another_chance_each_time() -> None:
    draws = list(chain(*Stream(3, 4, steps=30)))
    assert len({draw.seed for draw in draws}) == len(draws)


def test_a_stream_knows_its_length() -> None:
    stream = Stream(7, 3, steps=4, start=2)
    assert len(stream) == len(list(stream)) == 4


@pytest.mark.parametrize(("length", "batch_size", "world"), [(0, 4, 1), (5, 0, 1), (5, 4, 3), (5, 2, 4)])
def test_what_cannot_be_shared_out_is_refused(length: int, batch_size: int, world: int) -> None:
    with pytest.raises(OptionError, match="expected"):
        Stream(length, batch_size, steps=1, world=world)


@pytest.mark.parametrize("length", [1, 5, 6, 7, 12])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_validation_sees_each_sample_once_in_equally_many_batches(length: int, world: int) -> None:
    shares = [Evenly(length, 2, rank=rank, world=world) for rank in range(world)]
    seen = [number for share in shares for number in numbers(share) if number is not None]
    assert sorted(seen) == list(range(length))
    assert len({len(list(share)) for share in shares} | {len(share) for share in shares}) == 1


def test_a_process_without_samples_gets_blanks() -> None:
    assert list(Evenly(1, 2, rank=1, world=2)) == [[Draw(None)]]
