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

    The logits along a seam of an image that is 20,000 pixels wide are 770 MB at 150 classes. Memory is used again
    rather than asked for anew, which would scatter it.

    :param limit: bytes that are kept in memory.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._room = limit
        self._kept: dict[Hashable, Tensor] = {}
        self._file: IO[bytes] | None = None
        self._places: dict[Hashable, tuple[int, int]] = {}
        self._kinds: dict[Hashable, tuple[torch.dtype, torch.Size]] = {}
        self._end = 0
        self._stage = torch.empty(0, dtype=torch.uint8)

    def put(self, key: Hashable, tensor: Tensor) -> None:
        """Put a tensor where an earlier one of that key lay.

        :raises OptionError: when the disk is full.
        """
        self._kinds[key] = tensor.dtype, tensor.shape
        if key not in self._kept and key not in self._places and tensor.nbytes <= self._room:
            self._room -= tensor.nbytes
            self._kept[key] = torch.empty(tensor.nbytes, dtype=torch.uint8)
        if key in self._kept and tensor.nbytes <= self._kept[key].nbytes:
            self._as_kind(key, self._kept[key]).copy_(tensor)
            return
        self._kept.pop(key, None)
        self._write(key, self._staged(key).copy_(tensor))

    def take(self, key: Hashable) -> Tensor:
        """What lies there, on the CPU. It stays what it is until the next one is put or taken."""
        if key in self._kept:
            return self._as_kind(key, self._kept[key])
        assert self._file is not None
        tensor = self._staged(key)
        self._file.seek(self._places[key][0])
        self._file.readinto(_bytes(tensor))  # type: ignore[attr-defined]
        return tensor

    def close(self) -> None:
        """Take all away."""
        self._kept.clear()
        if self._file is not None:
            self._file.close()

    def _write(self, key: Hashable, tensor: Tensor) -> None:
        place, room = self._places.get(key, (0, -1))
        if tensor.nbytes > room:
            place, self._end = self._end, self._end + tensor.nbytes
            self._places[key] = place, tensor.nbytes
        try:
            if self._file is None:
                self._file = TemporaryFile()  # noqa: SIM115
            self._file.seek(place)
            self._file.write(_bytes(tensor))
            self._file.flush()
        except OSError as error:
            raise OptionError(
                f"can't write a temporary file: {error.strerror or error}; set TMPDIR to a folder with room, or take "
                "blend=0"
            ) from error

    def _staged(self, key: Hashable) -> Tensor:
        dtype, shape = self._kinds[key]
        needed = shape.numel() * dtype.itemsize
        if self._stage.nbytes < needed:
            self._stage = torch.empty(needed, dtype=torch.uint8)
        return self._as_kind(key, self._stage)

    def _as_kind(self, key: Hashable, memory: Tensor) -> Tensor:
        dtype, shape = self._kinds[key]
        return memory[: shape.numel() * dtype.itemsize].view(dtype).view(shape)


def _bytes(tensor: Tensor) -> Any:
    return memoryview(tensor.numpy()).cast("B")  # type: ignore[arg-type]
