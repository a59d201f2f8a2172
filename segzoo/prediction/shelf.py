"""What one row of tiles leaves to the next."""

from __future__ import annotations

from collections.abc import Hashable
from tempfile import SpooledTemporaryFile

import torch
from torch import Tensor

from segzoo.errors import OptionError

LIMIT = 64 << 20
"""Bytes that are kept in memory."""


class Shelf:
    """Tensors that are put away and taken again. Many of them lie in a temporary file, so that memory stays flat.

    The logits along a seam of an image that is 20,000 pixels wide are 770 MB at 150 classes.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._file = SpooledTemporaryFile(max_size=limit)  # noqa: SIM115
        self._places: dict[Hashable, tuple[int, int]] = {}
        self._kinds: dict[Hashable, tuple[torch.dtype, torch.Size]] = {}
        self._end = 0

    def put(self, key: Hashable, tensor: Tensor) -> None:
        """Put a tensor where an earlier one of that key lay.

        :raises OptionError: when the disk is full.
        """
        data = tensor.cpu().numpy().tobytes()
        place, room = self._places.get(key, (0, -1))
        if len(data) > room:
            place, self._end = self._end, self._end + len(data)
            self._places[key] = place, len(data)
        try:
            self._file.seek(place)
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise OptionError(
                f"can't write a temporary file: {error.strerror or error}; set TMPDIR to a folder with room, or take "
                "blend=0"
            ) from error
        self._kinds[key] = tensor.dtype, tensor.shape

    def close(self) -> None:
        """Take all away."""
        self._file.close()

    def take(self, key: Hashable) -> Tensor:
        """What lies there, on the CPU."""
        dtype, shape = self._kinds[key]
        self._file.seek(self._places[key][0])
        return torch.frombuffer(bytearray(self._file.read(shape.numel() * dtype.itemsize)), dtype=dtype).reshape(shape)
