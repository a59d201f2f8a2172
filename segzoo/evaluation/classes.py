"""Which class of a model is which class of a dataset."""

from __future__ import annotations

from collections.abc import Sequence

from segzoo.errors import DataError

LISTED = 10


def match_classes(model: Sequence[str], dataset: Sequence[str], count: int) -> list[int]:
    """For each class of a model, which of the dataset's it is: by name where both have names, else by number.

    A single class is told from its absence: absence is the first of two classes, presence the second.

    :param model: the names that the model has for its classes; empty where it has none.
    :param dataset: the dataset's names.
    :param count: of the model's classes.
    :raises DataError: when names or numbers differ.

    >>> match_classes(("sky", "road"), ("road", "sky"), 2)
    [1, 0]
    >>> match_classes(("road",), ("road", "other"), 1)
    [1, 0]
    """
    several = max(2, count)
    if several != len(dataset):
        raise DataError(f"the model has {several} classes and the data {len(dataset)}; {_difference(model, dataset)}")
    if not model or _numbers(model) or _numbers(dataset) or tuple(model) == tuple(dataset):
        return list(range(several))
    if count == 1 and len(model) == 1 and list(dataset).count(model[0]) == 1:
        presence = list(dataset).index(model[0])
        return [1 - presence, presence]
    if sorted(model) != sorted(dataset) or len(set(model)) < len(model):
        raise DataError(f"the classes of the model aren't those of the data: {_difference(model, dataset)}")
    return [list(dataset).index(name) for name in model]


def _numbers(names: Sequence[str]) -> bool:
    """Whether the names are made up, from the values of masks."""
    return all(name.isdigit() for name in names)


def _difference(model: Sequence[str], dataset: Sequence[str]) -> str:
    alone = [name for name in model if name not in dataset]
    missing = [name for name in dataset if name not in model]
    return f"the model alone has {_listed(alone)}, the data alone {_listed(missing)}; use data with the model's classes"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return (", ".join(names[:LISTED]) or "none") + more
