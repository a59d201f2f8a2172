"""One loss object: terms by name, summed with weights, for one head or several, and for the auxiliary heads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn

from segzoo.errors import DataError, InputError, OptionError
from segzoo.labels import IGNORE
from segzoo.losses.terms import TERMS

Terms = str | Mapping[Any, float]
PLUS = re.compile(r"\s*\+\s*")
FACTOR = re.compile(r"(?:([\d.]+(?:e-?\d+)?)\s*\*\s*)?([a-z_]+)\Z")


class Loss(nn.Module):
    """The sum of some terms.

    >>> loss = Loss("ce + 0.5*dice")
    >>> loss(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4, dtype=torch.long)).shape
    torch.Size([])

    :param terms: names with weights, as text or as a mapping. In a mapping any callable that takes logits and target is
        a term too, such as a loss of MONAI's or `functools.partial(segzoo.losses.focal, gamma=3)`; it is given
        `ignore_index` and `class_weights` as far as it has such parameters.
    :param class_weights: of each class; with several heads they serve all, which then need the same classes.
    :param ignore_index: what the target holds where a pixel doesn't count.
    :param label_smoothing: of those terms that have it, `ce` and `bce`.
    :param auxiliary_weight: how much each auxiliary head's loss counts.
    :raises OptionError: for a term that isn't there, a weight below 0, or smoothing outside of [0, 1).
    """

    class_weights: Tensor | None

    def __init__(
        self,
        terms: Terms = "ce+dice",
        *,
        class_weights: Sequence[float] | Tensor | None = None,
        ignore_index: int = IGNORE,
        label_smoothing: float = 0.0,
        auxiliary_weight: float = 0.4,
    ) -> None:
        super().__init__()
        self.terms = _terms(terms)
        if not 0 <= label_smoothing < 1 or auxiliary_weight < 0:
            raise OptionError(
                "expected label_smoothing from 0 to below 1 and auxiliary_weight from 0, "
                f"got {label_smoothing=}, {auxiliary_weight=}"
            )
        weights = None if class_weights is None else torch.as_tensor(class_weights, dtype=torch.float32)
        if weights is not None and not (weights.ndim == 1 and bool((weights >= 0).all()) and bool(weights.any())):
            raise OptionError(f"class_weights are one number for each class, none below 0, got {class_weights!r}")
        self.register_buffer("class_weights", weights, persistent=False)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.auxiliary_weight = auxiliary_weight

    def forward(
        self,
        logits: Tensor | Mapping[str, Tensor],
        target: Tensor | Mapping[str, Tensor],
        auxiliary: Mapping[int, Tensor | Mapping[str, Tensor]] | None = None,
    ) -> Tensor:
        """The loss, a scalar; 0 where no pixel counts.

        :param logits: floating point (B, K, H, W); for several heads by name.
        :param target: int64 (B, H, W), classes or `ignore_index`; for several heads by name.
        :param auxiliary: those logits of each auxiliary head, as `model(image, auxiliary=True)` returns them.
        :raises InputError: for other shapes or types, or a head without a target.
        :raises DataError: for a target beyond the classes.
        """
        parts = self.parts(logits, target, auxiliary)
        return torch.stack(list(parts.values())).sum()

    def parts(
        self,
        logits: Tensor | Mapping[str, Tensor],
        target: Tensor | Mapping[str, Tensor],
        auxiliary: Mapping[int, Tensor | Mapping[str, Tensor]] | None = None,
    ) -> dict[str, Tensor]:
        """What the loss is the sum of: the weighted terms by name, behind that of their head, and `"auxiliary"`."""
        parts = self._of_heads(logits, target)
        if auxiliary:
            each = [torch.stack(list(self._of_heads(one, target).values())).sum() for one in auxiliary.values()]
            parts["auxiliary"] = self.auxiliary_weight * torch.stack(each).sum()
        return parts

    def _of_heads(
        self, logits: Tensor | Mapping[str, Tensor], target: Tensor | Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        if isinstance(logits, Tensor):
            if not isinstance(target, Tensor):
                raise InputError(f"expected a tensor as the target of one head, got {type(target).__name__}")
            return self._of_one(logits, target)
        if not isinstance(target, Mapping) or set(target) != set(logits):
            named = sorted(target) if isinstance(target, Mapping) else type(target).__name__
            raise InputError(f"expected a target for each of the heads {sorted(logits)}, got {named}")
        return {
            f"{head}/{name}": value
            for head, each in logits.items()
            for name, value in self._of_one(each, target[head]).items()
        }

    def _of_one(self, logits: Tensor, target: Tensor) -> dict[str, Tensor]:
        _check(logits, target, self.ignore_index, self.class_weights)
        given = {
            "ignore_index": self.ignore_index,
            "class_weights": self.class_weights,
            "label_smoothing": self.label_smoothing,
        }
        parts: dict[str, Tensor] = {}
        for name, (term, weight) in self.terms.items():
            taken = {key: value for key, value in given.items() if key in _keywords(term)}
            parts[name] = weight * term(logits, target, **taken)
        return parts

    def extra_repr(self) -> str:
        return " + ".join(f"{weight:g}*{name}" for name, (_, weight) in self.terms.items())


def _terms(terms: Terms) -> dict[str, tuple[Callable[..., Tensor], float]]:
    given: Mapping[Any, float] = _read(terms) if isinstance(terms, str) else terms
    if not isinstance(given, Mapping) or not given:
        raise OptionError(f"expected terms such as 'ce+dice' or {{'ce': 1.0, 'dice': 0.5}}, got {terms!r}")
    found: dict[str, tuple[Callable[..., Tensor], float]] = {}
    for key, weight in given.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
            raise OptionError(f"the weight of a term is a number from 0 on, got {weight!r} for {key!r}")
        if isinstance(key, str):
            if key not in TERMS:
                near = get_close_matches(key, TERMS, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise OptionError(f"there is no term {key!r}{hint} (there are {', '.join(TERMS)})")
            found[key] = TERMS[key], float(weight)
        elif callable(key):
            name = getattr(key, "__name__", None) or type(key).__name__
            found[name if name not in found else f"{name}{len(found)}"] = key, float(weight)
        else:
            raise OptionError(f"a term is a name or a callable, got {key!r}")
    return found


def _read(text: str) -> dict[str, float]:
    """Read weights and names.

    >>> _read("ce + 0.5*dice")
    {'ce': 1.0, 'dice': 0.5}
    """
    read: dict[str, float] = {}
    for part in PLUS.split(text.strip()):
        match = FACTOR.match(part)
        if match is None:
            raise OptionError(f"expected terms such as 'ce + 0.5*dice', got {text!r}")
        read[match[2]] = read.get(match[2], 0.0) + float(match[1] or 1)
    return read


def _keywords(term: Callable[..., Tensor]) -> set[str]:
    """The names of a term's parameters. A module's are those of its forward: settings are its constructor's matter."""
    called = term.forward if isinstance(term, nn.Module) else term
    try:
        return set(signature(called).parameters)
    except (TypeError, ValueError):
        return set()


def _check(logits: Tensor, target: Tensor, ignore_index: int, class_weights: Tensor | None) -> None:
    if logits.ndim != 4 or not logits.is_floating_point():
        raise InputError(f"expected floating-point logits (B, K, H, W), got {logits.dtype} {tuple(logits.shape)}")
    expected = (logits.shape[0], *logits.shape[2:])
    if target.dtype != torch.int64 or target.shape != expected:
        raise InputError(f"expected an int64 target of shape {expected}, got {target.dtype} {tuple(target.shape)}")
    classes = max(2, logits.shape[1])
    if class_weights is not None and len(class_weights) != logits.shape[1]:
        raise OptionError(f"expected {logits.shape[1]} class_weights, one for each class, got {len(class_weights)}")
    if target.device.type == "cpu" and target.numel():  # elsewhere it would wait for the device at each step
        values = target[target != ignore_index]
        if values.numel() and not (int(values.min()) >= 0 and int(values.max()) < classes):
            raise DataError(
                f"expected classes from 0 to {classes - 1}, or {ignore_index} where a pixel has none, got values from "
                f"{int(values.min())} to {int(values.max())}"
            )
