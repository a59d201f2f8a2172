"""The directory as this machine knows it, and as its address has it today."""

from __future__ import annotations

import os
from datetime import datetime
from time import time

from segzoo.directory import cache
from segzoo.directory.cache import Fetched
from segzoo.directory.document import Directory, read_directory, shipped
from segzoo.directory.fetching import fetch, is_safe
from segzoo.errors import DirectoryError, OptionError

ADDRESS: str | None = None
"""Where the directory is published. The project has no public home yet: None, and the copy that ships serves."""
VARIABLE = "SEGZOO_DIRECTORY"
"""Names another address, or says `off`."""
OFF = "off"
DAY = 24 * 60 * 60


def known() -> Directory:
    """The directory as it was fetched last, else the copy that comes with segzoo. Asks nobody, and never fails."""
    address = _address()
    last = cache.recall(address) if address else None
    return _directory(last) if last else shipped()


def latest(refresh: bool = False) -> Directory:
    """The directory as its address has it, asked at most once a day and for a few seconds; else what is known.

    :param refresh: ask although that was done today.
    :returns: with the reason as `problem`, where the address gave nothing that can be read.
    :raises OptionError: when the environment variable `SEGZOO_DIRECTORY` is neither a safe address nor `off`.
    """
    address = _address()
    if address is None:
        return shipped()
    if not is_safe(address):
        raise OptionError(f"{VARIABLE} is an https address, or {OFF!r} for the copy that ships; got {address!r}")
    last = cache.recall(address)
    if last is None or refresh or not 0 <= time() - last.asked < DAY:
        last = _ask(address, last)
        cache.remember(last)
    return _directory(last)


def _address() -> str | None:
    said = os.environ.get(VARIABLE) or ADDRESS
    return None if said == OFF else said


def _ask(address: str, last: Fetched | None) -> Fetched:
    try:
        document = fetch(address).decode(errors="replace")
        read_directory(document, address)
    except DirectoryError as error:
        return Fetched(
            address=address, asked=time(), document=last.document if last else None, problem=f"{address}: {error}"
        )
    return Fetched(address=address, asked=time(), document=document)


def _directory(last: Fetched) -> Directory:
    if last.document is None:
        return shipped(last.problem)
    when = datetime.fromtimestamp(last.asked).date()
    origin = f"an earlier copy of {last.address}" if last.problem else f"{last.address}, asked on {when}"
    try:
        return read_directory(last.document, origin, last.problem)
    except DirectoryError as error:  # it could be read when it was kept
        return shipped(f"{cache.file()}: {error}")
