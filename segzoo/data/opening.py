"""From a path to the dataset that lies there."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from segzoo.data.dataset import Dataset
from segzoo.errors import DataError
from segzoo.host import registry
from segzoo.options import check_options, declared_options


@dataclass(frozen=True)
class Opened:
    """A dataset, and how it was found.

    :param form: the name of the dataset that reads it, such as `"folder"`.
    :param why: what it was recognised by; empty where the form was given.
    """

    dataset: Dataset
    form: str
    why: str


def open_dataset(path: str | PathLike[str], form: str | None = None, **options: Any) -> Dataset:
    """Open the dataset at a path.

    :param path: most often a folder; each form says what else it takes.
    :param form: the name of a dataset, as `segzoo plugins` lists them; found out if None.
    :param options: of that dataset.
    :raises DataError: when nothing is there, or no dataset recognises it, or several do; or when what is there can't
        be used.
    :raises UnknownNameError: for a form that no plugin provides.
    :raises OptionError: for an option that the dataset hasn't, or a value that it doesn't take.
    """
    return find(path, form, **options).dataset


def find(path: str | PathLike[str], form: str | None = None, **options: Any) -> Opened:
    """Like `open_dataset`, and say what it was recognised by."""
    place, why = Path(path), ""
    if form is None:
        form, why = _recognise(place)
    provided = registry.find_dataset(form)
    kind = provided.load()
    if not (isinstance(kind, type) and issubclass(kind, Dataset)):
        raise DataError(f"{provided.id} is {kind!r}; expected a subclass of segzoo.Dataset")
    check_options(f"dataset {provided.name!r}", declared_options(kind, ("path",)), options)
    return Opened(kind(place, **options), provided.name, why)


def _recognise(path: Path) -> tuple[str, str]:
    found: dict[str, str] = {}
    general: dict[str, str] = {}
    failed: list[str] = []
    for provided in registry.datasets():
        try:
            kind = provided.load()
            why = kind.recognise(path)
        except Exception as error:  # a plugin that fails hides no other
            failed.append(f"{provided.id} failed: {type(error).__name__}: {error}")
            continue
        if why:
            name = provided.name if provided.shipped else provided.id
            (general if kind.general else found)[name] = why
    found = found or general
    if len(found) == 1:
        return next(iter(found.items()))
    forms = ", ".join(each.name for each in registry.datasets())
    if found:
        read = "; ".join(f"{name} ({why})" for name, why in found.items())
        raise DataError(
            f"{path} can be read as several datasets: {read}; say which as its form, such as {next(iter(found))!r}"
        )
    if not path.exists():
        raise DataError(f"there is nothing at {path}; give the folder of a dataset")
    because = f" ({'; '.join(failed)})" if failed else ""
    raise DataError(f"{path} isn't recognised as a dataset{because}; say which it is, one of: {forms}")
