"""Visitors: what each has found, and whether they are still there."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock

from segzoo.studio.trying import Found

KEPT = 64
"""Visits that are remembered: the longest unused is forgotten first."""


class Visit:
    """A tab of somebody's browser.

    :ivar left: set when it was closed: what runs for it stops.
    :ivar found: what each model found in the last image; one or two.
    :ivar seen: what was last shown of a run: the times of its files.
    """

    def __init__(self) -> None:
        self.left = Event()
        self.found: tuple[Found, ...] = ()
        self.seen: tuple[object, ...] = ()
        self._folder = TemporaryDirectory(prefix="segzoo-studio-", ignore_cleanup_errors=True)

    @property
    def folder(self) -> Path:
        """Where the visit's files lie, until it ends."""
        return Path(self._folder.name)

    def end(self) -> None:
        """Stop what runs, and take the files away."""
        self.left.set()
        self._folder.cleanup()


class Visits:
    """By session, as the page counts them."""

    def __init__(self) -> None:
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._lock = Lock()

    def of(self, session: str) -> Visit:
        """The visit of a session, which begins with the first question."""
        with self._lock:
            if session not in self._visits:
                self._visits[session] = Visit()
            visit = self._visits[session]
            self._visits.move_to_end(session)
            forgotten = [self._visits.popitem(last=False)[1] for _ in range(len(self._visits) - KEPT)]
        for each in forgotten:
            each.end()
        return visit

    def end(self, session: str) -> None:
        """The tab was closed."""
        with self._lock:
            visit = self._visits.pop(session, None)
        if visit is not None:
            visit.end()

    def __len__(self) -> int:
        return len(self._visits)
