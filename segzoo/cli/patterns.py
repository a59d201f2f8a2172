"""Names by pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from segzoo.errors import UnknownNameError


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
            if any(wildcard in pattern for wildcard in "*?["):
                raise UnknownNameError(f"no {noun} matches {pattern!r}; `segzoo {noun}s` lists all")
            find(pattern)  # a tag or a hub's name, or an error with near matches
            matching = [pattern]
        chosen += matching
    return list(dict.fromkeys(chosen))


def parts(text: str) -> list[str]:
    """Names or patterns that are separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]
