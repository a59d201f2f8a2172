"""Gradient checkpointing of a decoder: its blocks are computed again in the backward pass, rather than remembered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def set_recomputing(module: nn.Module, enable: bool) -> None:
    """Let the blocks of a module keep their inputs alone for the backward pass, or all that it needs.

    A block is a child that has children of its own; of lists and dicts, each entry may be one. Its `forward` is wrapped
    in place, so that names and types of modules stay.
    """
    for block in _blocks(module):
        vars(block).pop("forward", None)
        if enable:
            vars(block)["forward"] = partial(_recomputed, block, block.forward)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, nn.ModuleList | nn.ModuleDict):
            yield from _blocks(child)
        elif next(child.children(), None) is not None:
            yield child


def _recomputed(block: nn.Module, forward: Callable[..., Any], *inputs: Any, **options: Any) -> Any:
    # The caller may change a list afterwards, when the block hasn't run again yet.
    inputs = tuple(list(each) if isinstance(each, list) else each for each in inputs)
    if torch.compiler.is_compiling():  # a graph's batch norms count once anyway, and it takes no contexts
        return checkpoint(forward, *inputs, use_reentrant=False, **options)
    contexts = partial(_contexts, block)
    return checkpoint(forward, *inputs, use_reentrant=False, context_fn=contexts, **options)


def _contexts(block: nn.Module) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Of the forward pass, and of computing again."""
    return nullcontext(), _statistics_kept(block)


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """Batch norms have counted this batch already: their running statistics stay."""
    kept = [
        (norm, norm.momentum, norm.num_batches_tracked, norm.num_batches_tracked.clone())
        for norm in block.modules()
        if isinstance(norm, BATCH_NORMS) and norm.num_batches_tracked is not None
    ]
    for norm, *_ in kept:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum, count, before in kept:
            norm.momentum = momentum
            count.copy_(before)
