"""Which class of a model is which class of a dataset."""

from __future__ import annotations

from collections.abc import Sequence

from segzoo.errors import DataError


def match_classes(model: Sequence[str], dataset: Sequence[str], count: int) -> list[int]:
    """For each class of a model, which of the dataset's it is.

    :param model: the names that the model has for its classes; empty where it has none.
    :param dataset: the dataset's names.
    :param count: of the model's classes; a single one is told from the first, its absence.
    :raises DataError: when names or numbers differ.

    >>> match_classes(("sky", "road"), ("road", "sky"), 2)
    [1, 0]
    """
    several = max(2, count)
    if tuple(model) == tuple(dataset) and len(model) == several:
        return list(range(several))
    if count > 1 and set(model) == set(dataset) and len(set(model)) == len(model):
        return [list(dataset).index(name) for name in model]
    if several != len(dataset):
        raise DataError(f"the model has {several} classes and the data {len(dataset)}; {_difference(model, dataset)}")
    if model and count > 1 and not _numbers(model) and not _numbers(dataset):
        raise DataError(f"the classes of the model aren't those of the data: {_difference(model, dataset)}")
    return list(range(several))


def _numbers(names: Sequence[str]) -> bool:
    """Whether the names are made up, from the values of masks."""
    return all(name.isdigit() for name in names)


def _difference(model: Sequence[str], dataset: Sequence[str]) -> str:
    alone = [name for name in model if name not in dataset]
    missing = [name for name in dataset if name not in model]
    return f"the model alone has {_listed(alone)}, the data alone {_listed(missing)}; use data with the model's classes"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return (", ".join(names[:10]) or "none") + more
