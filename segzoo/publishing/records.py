"""Reads plain data into frozen dataclasses, and checks each value against its type hint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from segzoo.errors import CheckpointError, SegzooError

R = TypeVar("R")


def read_record(kind: type[R], value: Any, where: str) -> R:
    """A dataclass from JSON's plain data: each required field is there, no unknown one is, and each has its type.

    :param where: the name of the record, for the message.
    :raises CheckpointError: naming the field, what was found and what was expected.

    >>> from segzoo.contract import InputSpec
    >>> read_record(InputSpec, {"multiple": 14, "fixed": [224, 224]}, "input_spec")
    InputSpec(multiple=14, minimum=1, fixed=(224, 224))
    """
    entries = _as(dict, value, where, "an object")
    hints = get_type_hints(kind)
    known = fields(kind)  # type: ignore[arg-type]
    if unknown := sorted(entries.keys() - {field.name for field in known}):
        raise CheckpointError(
            f"{where} has unknown fields: {', '.join(map(repr, unknown[:5]))}; a newer segzoo may know them"
        )
    required = [field.name for field in known if field.default is MISSING and field.default_factory is MISSING]
    if missing := [name for name in required if name not in entries]:
        raise CheckpointError(f"{where} lacks {', '.join(missing)}")
    values = {name: _read(hints[name], entry, f"{where}.{name}") for name, entry in entries.items()}
    try:
        return kind(**values)
    except SegzooError as error:
        raise CheckpointError(f"{where}: {error}") from error


def _read(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, UnionType):  # always of a type and None
        (kind,) = (each for each in arguments if each is not NoneType)
        return None if value is None else _read(kind, value, where)
    if is_dataclass(hint):
        return read_record(hint, value, where)  # type: ignore[arg-type]
    if origin is tuple:
        entries = _as(list, value, where, "a list")
        kinds = arguments[:1] * len(entries) if arguments[-1] is Ellipsis else arguments
        if len(entries) != len(kinds):
            raise CheckpointError(f"{where} has {len(kinds)} entries, got {len(entries)}")
        return tuple(
            _read(kind, each, f"{where}[{i}]") for i, (kind, each) in enumerate(zip(kinds, entries, strict=True))
        )
    if origin is Mapping:
        entries = _as(dict, value, where, "an object")
        return {name: _read(arguments[1], each, f"{where}.{name}") for name, each in entries.items()}
    if hint is float:
        return _number(value, where)
    return _as(hint, value, where, {int: "a whole number", str: "a string", bool: "true or false"}[hint])


def _as(kind: type, value: Any, where: str, expected: str) -> Any:
    if type(value) is not kind:  # isinstance would take true for 1
        raise CheckpointError(f"{where} is {expected}, got {str(value)[:80]!r}")
    return value


def _number(value: Any, where: str) -> float:
    try:
        if type(value) in (int, float) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass
    raise CheckpointError(f"{where} is a number, got {str(value)[:80]!r}")
