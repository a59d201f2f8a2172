"""Errors that say which image they are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from segzoo.errors import InputError


@contextmanager
def explained(name: str, advice: str) -> Iterator[None]:
    """Say which image it was that the model can't take, and what to do where memory is full."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except (RuntimeError, MemoryError) as error:
        text = str(error).lower()
        if isinstance(error, torch.OutOfMemoryError | MemoryError) or "defaultcpuallocator" in text:
            raise InputError(f"{name}: memory is full{advice}") from error
        raise
