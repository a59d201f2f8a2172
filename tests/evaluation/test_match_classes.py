import pytest

from segzoo.errors import DataError
from segzoo.evaluation.classes import match_classes


@pytest.mark.parametrize(
    ("model", "dataset", "count", "expected"),
    [
        (("a", "b", "c"), ("a", "b", "c"), 3, [0, 1, 2]),
        (("c", "a", "b"), ("a", "b", "c"), 3, [2, 0, 1]),
        ((), ("a", "b", "c"), 3, [0, 1, 2]),
        (("a", "b", "c"), ("0", "1", "2"), 3, [0, 1, 2]),
        (("0", "1", "2"), ("a", "b", "c"), 3, [0, 1, 2]),
        (("a", "b", "b"), ("a", "b", "b"), 3, [0, 1, 2]),
        ((), ("other", "road"), 1, [0, 1]),
        (("road",), ("other", "road"), 1, [0, 1]),
        (("road",), ("road", "other"), 1, [1, 0]),
    ],
)
def test_classes_are_matched_by_name_and_otherwise_by_number(model, dataset, count, expected):
    assert match_classes(model, dataset, count) == expected


@pytest.mark.parametrize(
    ("model", "dataset", "count", "message"),
    [
        (("a", "b", "c"), ("a", "b"), 3, "has 3 classes and the data 2; the model alone has c, the data alone none"),
        ((), ("a", "b"), 3, "has 3 classes and the data 2"),
        ((), ("a", "b", "c"), 1, "has 2 classes and the data 3"),
        (("a", "b"), ("a", "c"), 2, "the model alone has b, the data alone c"),
        (("a", "b", "b"), ("b", "a", "a"), 3, "aren't those of the data"),
        (("tree",), ("other", "road"), 1, "the model alone has tree, the data alone other, road"),
    ],
)
def test_other_classes_are_refused_and_the_difference_is_said(model, dataset, count, message):
    with pytest.raises(DataError, match=message):
        match_classes(model, dataset, count)


def test_a_long_difference_is_cut():
    names = [f"class {number}" for number in range(25)]
    with pytest.raises(DataError, match=r"class 9 and 15 more, the data alone a, b"):
        match_classes(names, ("a", "b"), 25)
