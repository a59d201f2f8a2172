"""Which samples are trained on, and which are kept for validation."""

from pathlib import Path

import pytest

from segzoo.data import split
from segzoo.errors import DataError, OptionError


class Listed:
    """What `split` needs of a dataset."""

    path = Path("somewhere")

    def __init__(self, **splits: list[str]) -> None:
        self._splits = splits

    def splits(self) -> dict[str, list[str]]:
        return self._splits


NAMES = [f"{number:03}.png" for number in range(40)]


def test_a_share_of_an_unsplit_dataset_is_kept() -> None:
    splits = split(Listed(all=NAMES), 0.25)
    assert {name: len(names) for name, names in splits.items()} == {"train": 30, "val": 10}


def test_every_sample_is_in_one_split() -> None:
    splits = split(Listed(all=NAMES))
    assert sorted(splits["train"] + splits["val"]) == NAMES


def test_a_number_of_samples_is_kept() -> None:
    assert len(split(Listed(all=NAMES), 7)["val"]) == 7


def test_the_order_of_listing_changes_nothing() -> None:
    assert split(Listed(all=NAMES[::-1])) == split(Listed(all=NAMES))


def test_another_seed_keeps_others() -> None:
    assert split(Listed(all=NAMES), seed=1)["val"] != split(Listed(all=NAMES), seed=0)["val"]


def test_what_is_kept_is_drawn_from_all_over() -> None:
    assert split(Listed(all=NAMES))["val"] not in (NAMES[:8], NAMES[-8:])


def test_a_dataset_that_is_split_keeps_its_splits() -> None:
    own = {"train": ["a", "b"], "val": ["c"], "test": ["d"]}
    assert split(Listed(**own), 0.5) == own


def test_validation_is_taken_from_training_where_there_is_none() -> None:
    splits = split(Listed(train=NAMES[:30], test=NAMES[30:]))
    assert (len(splits["train"]), len(splits["val"]), splits["test"]) == (24, 6, NAMES[30:])


def test_two_samples_are_shared_out() -> None:
    assert sorted(len(names) for names in split(Listed(all=["a", "b"]), 0.01).values()) == [1, 1]


def test_nearly_all_may_be_kept_but_one() -> None:
    assert len(split(Listed(all=["a", "b", "c"]), 0.99)["train"]) == 1


@pytest.mark.parametrize(("names", "validation"), [(["a"], 0.2), (["a", "b"], 2)])
def test_too_few_samples_are_an_error(names: list[str], validation: float) -> None:
    with pytest.raises(DataError, match=f"somewhere has {len(names)} samples .* too few to keep {len(names)}"):
        split(Listed(all=names), validation)


def test_an_empty_split_is_an_error_that_names_it() -> None:
    with pytest.raises(DataError, match="split 'val' of somewhere has no samples"):
        split(Listed(train=["a"], val=[]))


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(DataError, match=r"no split 'train' to learn from \(it has 'test'\)"):
        split(Listed(test=["a"]))


@pytest.mark.parametrize("validation", [0, -0.1, 1.5, float("nan"), float("inf")])
def test_what_is_neither_a_share_nor_a_number_is_refused(validation: float) -> None:
    with pytest.raises(OptionError, match=f"got {validation}"):
        split(Listed(all=NAMES), validation)
