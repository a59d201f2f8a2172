"""Memory for large maps in inference on a CPU: kept when a map is no more, for the next one of its size.

A block of 32 MiB and more goes back to the system when it is freed, and the system clears the next one page by page,
which takes longer than a resize takes to fill it. Torch keeps blocks for that reason on a GPU, but not on a CPU. A copy
into another layout (`segzoo.nn.layout`) is put into such memory in training too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from threading import Lock

import torch
from torch import Tensor
from torch.autograd import forward_ad

LARGE = 32 * 2**20
"""Bytes: of smaller blocks the C library keeps what is freed (its largest `M_MMAP_THRESHOLD`)."""

KEPT = 512 * 2**20
"""Bytes that are kept at most, those in use included."""


class Blocks:
    """Blocks of memory that values were put in, the longest unused first."""

    def __init__(self) -> None:
        self.kept: list[torch.UntypedStorage] = []
        self.lock = Lock()

    def take(self, count: int, dtype: torch.dtype) -> Tensor:
        """So many values in a block that no tensor is made of any more, or in a new one: whatever is in it."""
        size = count * dtype.itemsize
        with self.lock:
            block = next((each for each in self.kept if each.nbytes() == size and is_free(each)), None)
            if block is None:
                self.make_room(size)
                block = torch.UntypedStorage(size)
            else:
                self.kept.remove(block)
            if size + self.size <= KEPT:
                self.kept.append(block)
            return torch.empty(0, dtype=dtype).set_(block, 0, (count,), (1,))

    def make_room(self, size: int) -> None:
        """Let go of what isn't used until so many bytes more can be kept; of what another process has, in any case."""
        for block in list(self.kept):
            if block.is_shared() or (is_free(block) and size + self.size > KEPT):
                self.kept.remove(block)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return sum(block.nbytes() for block in self.kept)


def is_free(block: torch.UntypedStorage) -> bool:
    """Whether no tensor is made of it, here or, if it was sent to another process, there."""
    return torch._C._storage_Use_Count(block._cdata) == 1 and not block.is_shared()


BLOCKS = Blocks()


def large_values(count: int, like: Tensor) -> Tensor | None:
    """Memory for so many values, if that is large; else None, and the operator makes its own.

    :param like: the operator's input, whose type they have.
    """
    if count * like.element_size() < LARGE or not is_plain(like):
        return None
    return BLOCKS.take(count, like.dtype)


def large_map(shape: Sequence[int], like: Tensor, layout: torch.memory_format | None = None) -> Tensor | None:
    """The same as a map.

    :param shape: (B, C, H, W).
    :param layout: `torch.channels_last` for the channels innermost; that of `like` if None.
    """
    values = large_values(math.prod(shape), like)
    if values is None:
        return None
    _, channels, height, width = shape
    if layout is torch.channels_last or (layout is None and like.is_contiguous(memory_format=torch.channels_last)):
        strides = height * width * channels, 1, width * channels, channels
    else:
        strides = channels * height * width, height * width, width, 1
    return values.set_(values.untyped_storage(), 0, shape, strides)  # no view: it may be changed in place later on


def new_values(count: int, like: Tensor) -> Tensor:
    """Memory for so many values, large or not."""
    values = large_values(count, like)
    return torch.empty(count, dtype=like.dtype, device=like.device) if values is None else values


def new_map(shape: Sequence[int], like: Tensor) -> Tensor:
    """The same as a map (B, C, H, W), channels innermost."""
    made = large_map(shape, like, torch.channels_last)
    if made is not None:
        return made
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def is_plain(operand: Tensor) -> bool:
    """Whether it is mere numbers on a CPU, and what is done with them is nobody's business.

    No gradients, forward or backward, no transform, trace or autocast, and no mode that counts or replaces operators.
    """
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.jit.is_tracing():
        return False
    if operand.device.type != "cpu" or type(operand) not in (Tensor, torch.nn.Parameter):
        return False
    transformed = torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0
    return not (transformed or torch._C._len_torch_dispatch_stack() or torch.is_autocast_enabled("cpu"))
