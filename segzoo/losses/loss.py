"""One loss object: terms by name, summed with weights, for one head or several, and for the auxiliary heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from segzoo.errors import InputError, OptionError
from segzoo.labels import IGNORE
from segzoo.losses.reading import Terms
from segzoo.losses.weighted_terms import WeightedTerms, Weights

OfHeads = Tensor | Mapping[str, Tensor]


class Loss(nn.Module):
    """The sum of some terms.

    >>> loss = Loss("ce + 0.5*dice")
    >>> loss(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4, dtype=torch.long))
    tensor(0.8598)

    :param terms: names with weights, as text or as a mapping. In a mapping any callable that takes logits and target is
        a term too, such as `functools.partial(segzoo.losses.focal, gamma=3)` or a loss of SMP's; it is given
        `ignore_index`, `class_weights` and `label_smoothing` as far as it has parameters of these names.
        `segzoo.losses.Foreign` makes terms of losses that don't know of ignored pixels, such as MONAI's.
        Several heads have the same terms, or each its own: `{"mask": "ce+dice", "edge": {"bce": 2}}`.
    :param class_weights: of each class, for a single class of pixels without it and with it; for several heads by name.
    :param ignore_index: what the target holds where a pixel doesn't count.
    :param label_smoothing: of those terms that have it, `ce` and `bce`.
    :param auxiliary_weight: how much the loss of each auxiliary head on a stage counts. That of a coarser scale of the
        decoder counts half of the next finer one's, as in nnU-Net (arXiv:1904.08128).
    :raises OptionError: for a term that isn't there, a weight below 0, or smoothing outside of [0, 1).
    """

    def __init__(
        self,
        terms: Terms | Mapping[str, Terms] = "ce+dice",
        *,
        class_weights: Weights | Mapping[str, Weights] | None = None,
        ignore_index: int = IGNORE,
        label_smoothing: float = 0.0,
        auxiliary_weight: float = 0.4,
    ) -> None:
        super().__init__()
        if not 0 <= auxiliary_weight < float("inf"):
            raise OptionError(f"auxiliary_weight is a number from 0 on, got {auxiliary_weight!r}")
        self.ignore_index = ignore_index
        self.auxiliary_weight = auxiliary_weight
        own_terms: Mapping[str, Any] = terms if _by_head(terms) else {}  # type: ignore[assignment]
        own_weights: Mapping[str, Any] = class_weights if isinstance(class_weights, Mapping) else {}
        if own_terms and not own_weights.keys() <= own_terms.keys():
            raise OptionError(f"class_weights of the heads {sorted(own_weights)}, and terms of {sorted(own_terms)}")

        def of(terms: Any, weights: Any) -> WeightedTerms:
            return WeightedTerms(terms, weights, ignore_index, label_smoothing)

        self.heads = nn.ModuleDict(
            {
                head: of(own_terms.get(head, terms), own_weights.get(head, None if own_weights else class_weights))
                for head in own_terms or own_weights
            }
        )
        self.others = None if own_terms else of(terms, None if own_weights else class_weights)

    def forward(self, logits: OfHeads, target: OfHeads, auxiliary: Mapping[int, OfHeads] | None = None) -> Tensor:
        """The loss, a scalar; 0 where no pixel counts.

        :param logits: floating point (B, K, H, W); for several heads by name.
        :param target: int64 (B, H, W), classes or `ignore_index`; for several heads by name.
        :param auxiliary: those logits of each auxiliary head, as `model(image, auxiliary=True)` returns them.
        :raises InputError: for other shapes or types, or a head without a target.
        :raises DataError: for a target beyond the classes; on an accelerator, in the first batch alone.
        """
        return _sum(self.parts(logits, target, auxiliary))

    def parts(
        self, logits: OfHeads, target: OfHeads, auxiliary: Mapping[int, OfHeads] | None = None
    ) -> dict[str, Tensor]:
        """What the loss is the sum of: the weighted terms by name, behind that of their head, and `"auxiliary"`."""
        parts = self._parts(logits, target)
        if auxiliary:
            each = {
                str(stage): (self.auxiliary_weight if stage > 0 else 2.0**stage) * _sum(self._parts(one, target))
                for stage, one in auxiliary.items()
            }
            parts["auxiliary"] = _sum(each)
        return parts

    def _parts(self, logits: OfHeads, target: OfHeads) -> dict[str, Tensor]:
        return {
            f"{head}/{name}" if head else name: value
            for head, own_logits, own_target in _pairs(logits, target)
            for name, value in self._of_head(head)(own_logits, own_target).items()
        }

    def _of_head(self, head: str) -> WeightedTerms:
        found = dict(self.heads.items()).get(head, self.others)
        if not isinstance(found, WeightedTerms):
            given = f"those of {head!r}" if head else "a tensor"
            raise InputError(f"this loss has terms for the heads {', '.join(self.heads)}; got logits that are {given}")
        return found


def _by_head(terms: object) -> bool:
    return isinstance(terms, Mapping) and any(isinstance(each, str | Mapping) for each in terms.values())


def _pairs(logits: OfHeads, target: OfHeads) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Each head's name, logits and target; one without a name has the empty one."""
    if isinstance(logits, Tensor):
        if not isinstance(target, Tensor):
            raise InputError(f"expected a tensor as the target of one head, got {type(target).__name__}")
        yield "", logits, target
        return
    if isinstance(target, Tensor) and len(logits) == 1:
        target = dict.fromkeys(logits, target)
    if not isinstance(target, Mapping) or not logits.keys() <= target.keys():
        named = sorted(target) if isinstance(target, Mapping) else type(target).__name__
        raise InputError(f"expected a target for each of the heads {sorted(logits)}, got {named}")
    for head, each in logits.items():
        yield head, each, target[head]


def _sum(parts: Mapping[str, Tensor]) -> Tensor:
    return torch.stack(list(parts.values())).sum()
