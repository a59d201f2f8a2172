"""What one row of tiles leaves to the next."""

from __future__ import annotations

from collections.abc import Hashable
from tempfile import TemporaryFile
from typing import IO, Any

import torch
from torch import Tensor

from segzoo.errors import OptionError

LIMIT = 64 << 20
"""Bytes that are kept in memory."""


class Shelf:
    """Tensors that are put away and taken again. Where they are many, some lie in a file, so that memory stays flat.

    The logits along a seam of an image that is 20,000 pixels wide are 770 MB at 150 classes.

    :param limit: bytes that are kept in memory.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._room = limit
        self._kept: dict[Hashable, Tensor] = {}
        self._file: IO[bytes] | None = None
        self._places: dict[Hashable, tuple[int, int]] = {}
        self._kinds: dict[Hashable, tuple[torch.dtype, torch.Size]] = {}
        self._end = 0

    def put(self, key: Hashable, tensor: Tensor) -> None:
        """Put a tensor where an earlier one of that key lay.

        :raises OptionError: when the disk is full.
        """
        self._room += self._kept.pop(key, torch.empty(0)).nbytes
        if tensor.nbytes <= self._room:
            self._kept[key] = tensor.to("cpu", copy=True, memory_format=torch.contiguous_format)
            self._room -= tensor.nbytes
            return
        place, room = self._places.get(key, (0, -1))
        if tensor.nbytes > room:
            place, self._end = self._end, self._end + tensor.nbytes
            self._places[key] = place, tensor.nbytes
        try:
            if self._file is None:
                self._file = TemporaryFile()  # noqa: SIM115
            self._file.seek(place)
            self._file.write(_bytes(tensor.cpu().contiguous()))
            self._file.flush()
        except OSError as error:
            raise OptionError(
                f"can't write a temporary file: {error.strerror or error}; set TMPDIR to a folder with room, or take "
                "blend=0"
            ) from error
        self._kinds[key] = tensor.dtype, tensor.shape

    def take(self, key: Hashable) -> Tensor:
        """What lies there, on the CPU."""
        if key in self._kept:
            return self._kept[key]
        assert self._file is not None
        dtype, shape = self._kinds[key]
        tensor = torch.empty(shape, dtype=dtype)
        self._file.seek(self._places[key][0])
        self._file.readinto(_bytes(tensor))  # type: ignore[attr-defined]
        return tensor

    def close(self) -> None:
        """Take all away."""
        self._kept.clear()
        if self._file is not None:
            self._file.close()


def _bytes(tensor: Tensor) -> Any:
    return memoryview(tensor.numpy()).cast("B")  # type: ignore[arg-type]
