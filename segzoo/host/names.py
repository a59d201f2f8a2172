"""Names of what plugins provide: bare or canonical, unambiguous or not, and what to say of one that is unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Protocol, TypeVar

from segzoo.distributions import namespace, normalise
from segzoo.errors import AmbiguousNameError, OptionError
from segzoo.host.discovery import PluginInfo

NEAR = 3
"""Names of which an unknown one is a part, that are told."""


class Named(Protocol):
    """Something that a plugin provides."""

    @property
    def name(self) -> str:
        """The bare name."""

    @property
    def id(self) -> str:
        """The canonical id."""

    @property
    def shipped(self) -> bool:
        """Whether it comes with segzoo."""


Found = TypeVar("Found", bound=Named)


def listed(everything: Sequence[Found], pattern: str | None = None) -> dict[str, Found]:
    """By the shortest name that finds each: bare where that is unambiguous.

    :param pattern: a glob on the bare name, or with `:` or `/` in it on the canonical id; all if None.
    """
    shipped = Counter(found.name for found in everything if found.shipped)
    count = Counter(found.name for found in everything)
    glob = (pattern or "*").lower()
    by_id = ":" in glob or "/" in glob  # else "seg*" would find all that ships with segzoo
    listed = {}
    for found in everything:
        rivals = shipped[found.name] if found.shipped else count[found.name]
        if fnmatchcase((found.id if by_id else found.name).lower(), glob):
            listed[found.name if rivals == 1 else found.id] = found
    return listed


def only(kind: str, name: str, found: Sequence[Found]) -> Found:
    """The one that was found.

    :raises AmbiguousNameError: when there are several.
    """
    if len(found) > 1:
        ids = ", ".join(repr(candidate.id) for candidate in found)
        raise AmbiguousNameError(f"{kind} {name!r} is provided by several plugins; say which is meant: {ids}")
    return found[0]


def canonical(name: str) -> str:
    """The name with its distribution, if it has one, normalised."""
    distribution, colon, bare = name.rpartition(":")
    return f"{namespace(normalise(distribution))}:{bare}" if colon else name


def check_name(kind: str, name: object) -> None:
    """Refuse what can't be a name.

    :raises OptionError: unless it is a string that isn't empty.
    """
    if not isinstance(name, str) or not name:
        raise OptionError(f"the name of a {kind} is a string that isn't empty, got {name!r}")


def unknown(
    kind: str,
    name: str,
    known: Iterable[str],
    command: str,
    plugins: Sequence[PluginInfo],
    failures: Iterable[str] = (),
) -> str:
    """What to say of a name that nobody provides: near matches, who would provide it, and what failed to load.

    :param known: the names that there are.
    :param command: which lists them.
    :param failures: of encoder sources, in words.
    """
    from segzoo import directory  # pydantic comes with it, which takes as long as all else here

    by_lower = {label.lower(): label for label in known}
    close = get_close_matches(name.lower(), by_lower) or [label for label in by_lower if name.lower() in label][:NEAR]
    near = " or ".join(repr(by_lower[label]) for label in close)
    hint = f" (did you mean {near}?)" if near else ""
    here = {info.distribution for info in plugins}
    for listing in directory.known().providers(name):
        if listing.distribution not in here:
            hint += f"; `segzoo install {listing.distribution}` would get it ({listing.summary})"
    failed = [f"{info.id} ({info.status}: {info.error})" for info in plugins if info.status != "ready"]
    failed += failures
    left_out = f"; not loaded: {', '.join(failed)}" if failed else ""
    return f"there is no {kind} {name!r}{hint}; `{command}` lists all{left_out}"
