"""What a user says of terms and weights, read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any

from torch import Tensor

from segzoo.errors import OptionError
from segzoo.losses.terms import TERMS, Term

Terms = str | Mapping[str, float] | Mapping[Callable[..., Tensor], float] | Mapping[str | Callable[..., Tensor], float]
PLUS = re.compile(r"\s*\+\s*")
FACTOR = re.compile(r"(?:(\d*\.?\d+)\s*\*\s*)?(\w+)\Z")


def read_terms(terms: Terms) -> dict[str, tuple[Term, float]]:
    """Terms and weights by name.

    :raises OptionError: for a term that isn't there, or a weight below 0.
    """
    given: Mapping[Any, float] = _read_text(terms) if isinstance(terms, str) else terms
    if not isinstance(given, Mapping) or not given:
        raise OptionError(f"expected terms such as 'ce + 0.5*dice' or {{'ce': 1, 'dice': 0.5}}, got {terms!r}")
    read: dict[str, tuple[Term, float]] = {}
    for key, weight in given.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise OptionError(f"the weight of a term is a number from 0 on, got {weight!r} for {key!r}")
        term = _find(key)
        name = _name(term)
        read[name if name not in read else f"{name}_{len(read) + 1}"] = term, float(weight)
    return read


def _read_text(text: str) -> dict[str, float]:
    """Names and weights; a term that is there twice counts twice.

    >>> _read_text("ce + 0.5*dice")
    {'ce': 1.0, 'dice': 0.5}
    """
    read: dict[str, float] = {}
    for part in PLUS.split(text.strip()):
        match = FACTOR.match(part)
        if match is None:
            raise OptionError(f"expected terms such as 'ce + 0.5*dice', got {text!r}")
        read[match[2]] = read.get(match[2], 0.0) + float(match[1] or 1)
    return read


def _find(key: str | Callable[..., Tensor]) -> Term:
    if isinstance(key, str):
        if key not in TERMS:
            near = get_close_matches(key, TERMS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise OptionError(f"there is no term {key!r}{hint} (there are {', '.join(TERMS)})")
        return TERMS[key]
    if isinstance(key, type) or not callable(key):
        raise OptionError(f"a term is a name or takes logits and target, got {key!r}; give an instance, not a class")
    return key


def _name(term: Term) -> str:
    called = term.func if isinstance(term, partial) else term
    return getattr(called, "__name__", None) or type(called).__name__
