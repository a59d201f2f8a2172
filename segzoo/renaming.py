"""Another library's names of weights as segzoo's, by a table that is read from the top.

A row says what a path of modules is called here: `{}` stands for one component, and whatever comes after the path is
kept. None drops the weights under a path. A name that no row knows is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from segzoo.errors import CheckpointError

SHOWN = 3
"""Names in an error."""


@dataclass(frozen=True)
class Renamed:
    """Where a weight goes that doesn't stay as it is.

    :param paths: one, or those among which it is split.
    :param change: what is made of it.
    :param part: its place among the weights that are joined at this path; None if it is alone.
    """

    paths: tuple[str, ...]
    change: Callable[[Tensor], Tensor] | None = None
    part: int | None = None


Table = Mapping[str, "str | Renamed | None"]


def split(*paths: str) -> Renamed:
    """One weight as several: even parts along its first axis."""
    return Renamed(paths)


def join(path: str, part: int) -> Renamed:
    """Several weights as one, along their first axis; `part` is this one's place."""
    return Renamed((path,), part=part)


def change(path: str, how: Callable[[Tensor], Tensor]) -> Renamed:
    """A weight that is computed from theirs."""
    return Renamed((path,), how)


def as_conv(path: str) -> Renamed:
    """A linear layer (out, in) as a 1x1 convolution (out, in, 1, 1); its bias stays."""
    return change(path, lambda weight: weight[..., None, None] if weight.ndim == 2 else weight)


def under(theirs: str, ours: str, *tables: Table) -> Table:
    """Tables of what is within a module, as rows of the whole.

    >>> under("block.{}", "stages.{}", {"norm1": "norm", "extra": None})
    {'block.{}.norm1': 'stages.{}.norm', 'block.{}.extra': None}
    """

    def place(target: str | Renamed | None) -> str | Renamed | None:
        if isinstance(target, Renamed):
            return replace(target, paths=tuple(_joined(ours, path) for path in target.paths))
        return None if target is None else _joined(ours, target)

    return {_joined(theirs, path): place(target) for table in tables for path, target in table.items()}


def rename_weights(weights: Mapping[str, Tensor], table: Table) -> dict[str, Tensor]:
    """Weights by segzoo's names.

    :raises CheckpointError: for names that the table doesn't know.

    >>> import torch
    >>> table = {"block.{}.attn.kv": split("{}.key", "{}.value")}
    >>> list(rename_weights({"block.1.attn.kv.bias": torch.zeros(4)}, table))
    ['1.key.bias', '1.value.bias']
    """
    result: dict[str, Tensor] = {}
    parts: dict[str, dict[int, Tensor]] = {}
    unknown = []
    for name, weight in weights.items():
        path = next((path for path in table if _pattern(path).fullmatch(name)), None)
        if path is None:
            unknown.append(name)
            continue
        target, found = table[path], _pattern(path).fullmatch(name)
        if target is None or found is None:
            continue
        target = Renamed((target,)) if isinstance(target, str) else target
        *components, rest = found.groups()
        names = [_joined(each.format(*components), rest) for each in target.paths]
        weight = weight if target.change is None else target.change(weight)
        if target.part is not None:
            parts.setdefault(names[0], {})[target.part] = weight
        else:
            result |= zip(names, weight.chunk(len(names)) if len(names) > 1 else [weight], strict=True)
    if unknown:
        more = f" and {len(unknown) - SHOWN} more" if len(unknown) > SHOWN else ""
        raise CheckpointError(
            f"the weights hold {', '.join(unknown[:SHOWN])}{more}, which this architecture doesn't have"
        )
    return result | {name: torch.cat([some[part] for part in sorted(some)]) for name, some in parts.items()}


@cache
def _pattern(path: str) -> re.Pattern[str]:
    components = re.escape(path).replace(r"\{\}", r"([^.]+)")
    return re.compile(rf"{components}(?:\.(.+))?" if path else "(.+)")


def _joined(path: str, rest: str | None) -> str:
    return ".".join(filter(None, (path, rest)))
