"""The most memory that a call takes."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

MIB = 2**20
PROC = Path("/proc/self")


def peak(call: Callable[[], Any], device: torch.device) -> int | None:
    """Bytes that a call takes at most, beyond what is held before it; None where the system doesn't say.

    On a GPU what torch allocates, else what the process holds. Where its largest size can't be forgotten, which is
    outside Linux, only what goes beyond all that it held before is seen.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        held = torch.cuda.memory_allocated(device)
        call()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - held
    _give_back()
    with contextlib.suppress(OSError):
        (PROC / "clear_refs").write_text("5")  # the largest size is forgotten
    before = _largest()
    call()
    after = _largest()
    return None if before is None or after is None else after - before


def _give_back() -> None:
    """Let the C library give freed memory back, which a call would otherwise take without being seen."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)


def _largest() -> int | None:
    """Of this process so far, in bytes.

    Linux is asked for the size of this program: the usual question would be answered with the parent's, if larger.
    """
    if (PROC / "status").is_file():
        ((size, _),) = (
            line.split()[1:] for line in (PROC / "status").read_text().splitlines() if line.startswith("VmHWM")
        )
        return int(size) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
