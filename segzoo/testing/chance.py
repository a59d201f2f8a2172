"""Random weights left out, where shapes alone matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class WithoutChance(TorchFunctionMode):
    """Leaves out the drawing of random weights, the most part of building a module of which shapes alone matter."""

    DRAWING = (Tensor.uniform_, Tensor.normal_, nn.init.kaiming_uniform_, nn.init.kaiming_normal_)

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self.DRAWING:
            return (args[0] if args else kwargs["tensor"]).zero_()
        return func(*args, **kwargs)
