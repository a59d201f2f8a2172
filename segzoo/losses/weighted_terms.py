"""The terms of one head, summed with weights."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature

import torch
from torch import Tensor, nn

from segzoo.errors import InputError, OptionError
from segzoo.labels import IGNORE, check_classes
from segzoo.losses.reading import Terms, read_terms
from segzoo.losses.terms import Term

Weights = Sequence[float] | Tensor


class WeightedTerms(nn.Module):
    """Terms and their weights, for the logits of one head; its arguments are those of `Loss`."""

    class_weights: Tensor | None

    def __init__(
        self,
        terms: Terms,
        class_weights: Weights | None = None,
        ignore_index: int = IGNORE,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.terms = read_terms(terms)
        # Terms that are modules move to a device with this one.
        self.modules_among_terms = nn.ModuleList(term for term, _ in self.terms.values() if isinstance(term, nn.Module))
        self.keywords = {name: _keywords(term) for name, (term, _) in self.terms.items()}
        if not 0 <= label_smoothing < 1:
            raise OptionError(f"label_smoothing is a number from 0 to below 1, got {label_smoothing!r}")
        if label_smoothing and not any("label_smoothing" in each for each in self.keywords.values()):
            raise OptionError(f"none of the terms {', '.join(self.terms)} smooths labels; add 'ce' or 'bce'")
        weights = None if class_weights is None else torch.as_tensor(class_weights, dtype=torch.float32)
        if weights is not None and not (weights.ndim == 1 and bool((weights >= 0).all()) and bool(weights.any())):
            raise OptionError(f"class_weights are one number for each class, none below 0, got {class_weights!r}")
        self.register_buffer("class_weights", weights, persistent=False)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.checked = False

    def forward(self, logits: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The weighted terms by name."""
        self._check(logits, target)
        given = {
            "ignore_index": self.ignore_index,
            "class_weights": self.class_weights,
            "label_smoothing": self.label_smoothing,
        }
        parts = {}
        for name, (term, weight) in self.terms.items():
            value = term(logits, target, **{key: given[key] for key in self.keywords[name] & given.keys()})
            if value.ndim:
                raise OptionError(f"the term {name!r} gives a tensor {tuple(value.shape)}; expected one number")
            parts[name] = weight * value
        return parts

    def _check(self, logits: Tensor, target: Tensor) -> None:
        if logits.ndim != 4 or not logits.is_floating_point() or not logits.numel():
            raise InputError(f"expected floating-point logits (B, K, H, W), got {logits.dtype} {tuple(logits.shape)}")
        expected = (logits.shape[0], *logits.shape[2:])
        if target.dtype != torch.int64 or target.shape != expected:
            raise InputError(f"expected an int64 target of shape {expected}, got {target.dtype} {tuple(target.shape)}")
        classes = max(2, logits.shape[1])
        if self.class_weights is not None and len(self.class_weights) != classes:
            each = "one for each class" if logits.shape[1] > 1 else "of pixels without the single class and with it"
            raise OptionError(f"expected {classes} class_weights, {each}, got {len(self.class_weights)}")
        # To look at values waits for the device. Its first batch shows a wrong class list; `segzoo.data.Samples` holds
        # every mask against the classes while it is still on the CPU.
        if target.is_cpu or not self.checked:
            check_classes(target, classes, self.ignore_index)
            self.checked = True

    def extra_repr(self) -> str:
        return " + ".join(f"{weight:g}*{name}" for name, (_, weight) in self.terms.items())


def _keywords(term: Term) -> set[str]:
    """The names of a term's parameters. A module's are those of its forward: settings are its constructor's matter."""
    try:
        return set(signature(term.forward if isinstance(term, nn.Module) else term).parameters)
    except (TypeError, ValueError):  # what C code makes of some callables
        return set()
