"""What can be told of sizes while a graph is made, where they may be symbols."""

from __future__ import annotations

import torch
from torch import SymBool


def known(fact: bool | SymBool) -> bool:
    """Whether a fact about sizes holds at every size that the code runs at.

    Eagerly that is the fact itself. A compiled or exported graph serves many sizes: there a fact is known if it follows
    from what is known of its symbols, such as the ratio of two stages. `torch.jit.trace` records no such knowledge, so
    nothing is known there.
    """
    if torch.jit.is_tracing():
        return False
    if torch.compiler.is_compiling():
        from torch.fx.experimental.symbolic_shapes import statically_known_true

        return statically_known_true(fact)
    return bool(fact)
