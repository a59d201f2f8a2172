"""Memory for large maps in inference on a CPU: in huge pages, where Linux has them.

A block of 32 MiB and more is given back to the system when it is freed, and the next one is cleared page by page, which
takes longer than a resize takes to fill it. Huge pages are cleared in a quarter of the time, but have to be asked for.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.autograd import forward_ad

LARGE = 32 * 2**20
"""Bytes: of smaller blocks the C library keeps what is freed (its largest `M_MMAP_THRESHOLD`)."""

HUGE_PAGE = 2 * 2**20
"""Bytes, on the processors that matter here: a mapping of whole ones starts at the border of one."""


def large_values(count: int, like: Tensor) -> Tensor | None:
    """So many zeros, if that is large and huge pages are to be had; else None, and the operator makes its own.

    :param like: the operator's input, whose type they have.
    """
    size = count * like.element_size()
    if size < LARGE or not is_plain(like) or not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    try:
        block = mmap.mmap(-1, -(-size // HUGE_PAGE) * HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        block.madvise(mmap.MADV_HUGEPAGE)
    except OSError:  # a system without them, or without the memory, of which torch will speak
        return None
    return torch.frombuffer(block, dtype=like.dtype, count=count)  # holds the block as long as it lives


def large_map(shape: Sequence[int], like: Tensor, layout: torch.memory_format | None = None) -> Tensor | None:
    """The same as a map.

    :param shape: (B, C, H, W).
    :param layout: `torch.channels_last` for the channels innermost; that of `like` if None.
    """
    values = large_values(math.prod(shape), like)
    if values is None:
        return None
    if layout is torch.channels_last or (layout is None and like.is_contiguous(memory_format=torch.channels_last)):
        batch, channels, height, width = shape
        return values.view(batch, height, width, channels).permute(0, 3, 1, 2)
    return values.view(*shape)


def new_values(count: int, like: Tensor) -> Tensor:
    """Memory for so many values, large or not: what is in it is to be overwritten."""
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
