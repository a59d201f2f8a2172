"""Names by pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NoReturn

from segzoo.errors import UnknownNameError

WILDCARDS = re.compile(r"[*?\[]")


def matching_encoders(patterns: Iterable[str]) -> list[str]:
    """The encoders that match any of some names or patterns, all of them without a pattern.

    :raises UnknownNameError: for a pattern that nothing matches, so that a typing error isn't taken for a result.
    """
    from segzoo.host import sources

    return _matching("encoder", patterns, sources.list_encoders, sources.find_encoder)


def matching_decoders(patterns: Iterable[str]) -> list[str]:
    """The decoders, likewise."""
    from segzoo.host import registry

    return _matching("decoder", patterns, registry.list_decoders, registry.find_decoder)


def _matching(
    noun: str, patterns: Iterable[str], names: Callable[[str | None], list[str]], find: Callable[[str], object]
) -> list[str]:
    chosen: list[str] = []
    for pattern in tuple(patterns) or (None,):
        matching = names(pattern)
        if pattern and not matching:
            if WILDCARDS.search(pattern):
                raise_unmatched(noun, pattern, find)
            find(pattern)  # a tag or a hub's name, or an error with near matches
            matching = [pattern]
        chosen += matching
    return list(dict.fromkeys(chosen))


def raise_unmatched(noun: str, pattern: str, find: Callable[[str], object]) -> NoReturn:
    """Say of a pattern that nothing matches it; of a name without wildcards which ones are near.

    :raises UnknownNameError: in any case.
    """
    if not WILDCARDS.search(pattern):
        find(pattern)  # an error with near matches
    raise UnknownNameError(f"no {noun} matches {pattern!r}; `segzoo {noun}s` lists all")


def parts(text: str) -> list[str]:
    """Names or patterns that are separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
