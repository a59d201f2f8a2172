"""A document of the directory: which format it has, and its entries, each by itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from segzoo import __version__
from segzoo.directory.listing import Listing, read_listing
from segzoo.errors import DirectoryError

FORMAT = 1
"""Goes up when segzoos that read this one would misread the next; fields that are added don't count."""
SHIPPED_COPY = Path(__file__).with_name("shipped.json")


@dataclass(frozen=True, kw_only=True)
class Directory:
    """What is listed.

    :param origin: where it comes from, in words.
    :param left_out: the entries that aren't valid, with the reason.
    :param problem: why it isn't a newer one; None if nothing went wrong.
    """

    listings: tuple[Listing, ...]
    origin: str
    left_out: tuple[str, ...] = ()
    problem: str | None = None

    def providers(self, name: str) -> tuple[Listing, ...]:
        """The listings that provide something of that name."""
        return tuple(listing for listing in self.listings if listing.provides(name))

    def lists(self, distribution: str) -> bool:
        """Whether a distribution, normalised, is among them."""
        return any(listing.distribution == distribution for listing in self.listings)


def read_directory(text: str | bytes, origin: str, problem: str | None = None) -> Directory:
    """The entries of a document. One that isn't valid is left out, and the others stay.

    :raises DirectoryError: when it is no document, or one for later segzoos.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DirectoryError(f"expected JSON, got {text[:40]!r}") from error
    if not isinstance(content, dict) or not isinstance(content.get("plugins"), list):
        raise DirectoryError('expected an object with "format" and a list of "plugins"')
    if content.get("format") != FORMAT:
        raise DirectoryError(
            f"expected format {FORMAT}, got {content.get('format')!r}; a newer segzoo than {__version__} may read it"
        )
    listings: dict[str, Listing] = {}
    left_out = []
    for number, entry in enumerate(content["plugins"], start=1):
        try:
            listing = read_listing(entry)
            if listing.distribution in listings:
                raise DirectoryError(f"{listing.distribution} is listed already")
            listings[listing.distribution] = listing
        except DirectoryError as error:
            left_out.append(f"entry {number}: {error}")
    return Directory(listings=tuple(listings.values()), origin=origin, left_out=tuple(left_out), problem=problem)


def shipped(problem: str | None = None) -> Directory:
    """The copy that comes with segzoo."""
    return read_directory(SHIPPED_COPY.read_bytes(), f"the copy that comes with segzoo {__version__}", problem)
