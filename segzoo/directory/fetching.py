"""Fetching a document: within a time, up to a size, over https."""

from __future__ import annotations

from queue import Empty, Queue
from threading import Thread
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from segzoo import __version__
from segzoo.errors import DirectoryError

PATIENCE = 3.0
"""Seconds for the whole of it: looking up the server's name, which no socket's timeout bounds, included."""
MOST_BYTES = 8 * 2**20
"""Thousands of entries."""
HERE = ("localhost", "127.0.0.1", "::1")


def is_safe(address: str) -> bool:
    """Whether nobody on the way could change what is fetched: https, or this machine."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE))


def fetch(address: str) -> bytes:
    """What an address answers.

    :raises DirectoryError: when it doesn't, isn't safe, takes too long, or sends too much.
    """
    answers: Queue[bytes | Exception] = Queue()

    def ask() -> None:
        try:
            answers.put(_download(address))
        except Exception as error:
            answers.put(error)

    # A thread of its own, left to itself when time is up: a server that sends a byte now and then meets no timeout.
    Thread(target=ask, name="segzoo-directory", daemon=True).start()
    try:
        answer = answers.get(timeout=PATIENCE)
    except Empty:
        raise DirectoryError(f"no answer within {PATIENCE:g} seconds") from None
    if isinstance(answer, Exception):
        raise DirectoryError(" ".join(str(answer).split()) or type(answer).__name__) from answer
    return answer


def _download(address: str) -> bytes:
    request = Request(address, headers={"User-Agent": f"segzoo/{__version__}", "Accept": "application/json"})
    with urlopen(request, timeout=PATIENCE) as response:
        if not is_safe(response.geturl()):
            raise DirectoryError(f"it leads to {response.geturl()}, which is not https")
        body: bytes = response.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise DirectoryError(f"it sends more than {MOST_BYTES // 2**20} MiB")
    return body
