"""What SMP's models may have besides their logits: an activation, and a classification of the whole image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from torch import Tensor, nn

from segzoo.errors import OptionError


class ArgMax(nn.Module):
    """The class of each pixel: (B, K, H, W) to int64 (B, H, W)."""

    def forward(self, values: Tensor) -> Tensor:
        return values.argmax(dim=1)


ACTIVATIONS: Mapping[str | None, Callable[[], nn.Module]] = {
    None: nn.Identity,
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "softmax": partial(nn.Softmax, dim=1),
    "softmax2d": partial(nn.Softmax, dim=1),
    "logsoftmax": partial(nn.LogSoftmax, dim=1),
    "tanh": nn.Tanh,
    "argmax2d": ArgMax,
    "clamp": partial(nn.Hardtanh, 0.0, 1.0),
}


class Activation(nn.Module):
    """One of SMP's activations, of values (B, K, ...).

    :param kind: SMP's name, a class of modules or another function that makes one; None for none.
    :raises OptionError: for another name.
    """

    def __init__(self, kind: str | Callable[[], nn.Module] | None) -> None:
        super().__init__()
        if isinstance(kind, str | None) and kind not in ACTIVATIONS:
            raise OptionError(
                f"activation={kind!r} isn't there: take {', '.join(map(repr, ACTIVATIONS))}, or a class of modules"
            )
        self.activation = ACTIVATIONS[kind]() if isinstance(kind, str | None) else kind()

    def forward(self, values: Tensor) -> Tensor:
        answer: Tensor = self.activation(values)
        return answer


class ClassificationHead(nn.Sequential):
    """Classes of the whole image, from the encoder's deepest map: (B, C, h, w) to (B, classes).

    The arguments are those of SMP's `aux_params`, and the layers stand where SMP's do.

    :param pooling: over the map.
    :param dropout: before the classifier; 0 or None for none.
    :param activation: see `Activation`.
    :raises OptionError: for a value that can't be.
    """

    def __init__(
        self,
        in_channels: int,
        classes: int,
        pooling: Literal["avg", "max"] = "avg",
        dropout: float | None = 0.2,
        activation: str | Callable[[], nn.Module] | None = None,
    ) -> None:
        if pooling not in ("avg", "max"):
            raise OptionError(f"aux_params has pooling 'avg' or 'max', got {pooling!r}")
        if dropout and not 0 < dropout < 1:
            raise OptionError(f"aux_params has a dropout from 0 to below 1, got {dropout!r}")
        if not isinstance(classes, int) or classes < 1:
            raise OptionError(f"aux_params has 1 class or more, got classes={classes!r}")
        super().__init__(
            nn.AdaptiveAvgPool2d(1) if pooling == "avg" else nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Dropout(dropout) if dropout else nn.Identity(),
            nn.Linear(in_channels, classes),
            Activation(activation),
        )


def make_classification_head(in_channels: int, aux_params: Mapping[str, Any] | None) -> ClassificationHead | None:
    """The head that `aux_params` describe; None for None.

    :raises OptionError: for arguments that it hasn't.
    """
    if aux_params is None:
        return None
    try:
        return ClassificationHead(in_channels, **aux_params)
    except TypeError as error:
        raise OptionError(f"aux_params are classes, pooling, dropout and activation, got {aux_params!r}") from error
