"""What several processes found, together."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import distributed

Found = TypeVar("Found")


def from_all(own: Found) -> list[Found]:
    """What each process gives, in the same order for all of them; its own alone where there is only one.

    :param own: anything that can be pickled.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return [own]
    found: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(found, own)
    return found
