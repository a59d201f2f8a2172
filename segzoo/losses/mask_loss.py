"""The loss of decoders of queries: each segment is answered for by one query, and the others say "no object"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.errors import DataError, InputError, OptionError
from segzoo.losses.mask_terms import MASK_TERMS
from segzoo.losses.matching import by_class, hungarian
from segzoo.losses.places import Pixels, Places, Points, Truth
from segzoo.queries import Queries, Segments

CLASS = "class"
TERMS: Mapping[str, float] = MappingProxyType({"bce": 5.0, "dice": 5.0})


class MaskLoss(nn.Module):
    """A cross-entropy of classes, and terms of matched masks, for each layer's prediction and the last.

    Its defaults are Mask2Former's (arXiv:2112.01527, section 3.3). A decoder's own are `decoder.mask_loss`. Pixels that
    are ignored, and those beyond the image, count in no mask; where there are none, the loss is the papers'.

    :param class_weight: of the cross-entropy, and in the matching of the class's probability.
    :param terms: the weights of `"bce"`, `"focal"` and `"dice"`, in the loss and in the matching.
    :param no_object: how much a query that answers for nothing counts in the cross-entropy.
    :param points: how many random places of each mask are looked at; None looks at every pixel.
    :param oversample: how many times as many are drawn to choose from where masks learn.
    :param important: the share of them that is chosen where a mask is least certain.
    :param matching: `"hungarian"`, the cheapest pairs; `"fixed"`, where there is one query for each class.
    :raises OptionError: for a term that isn't there, or a number out of range.

    >>> MaskLoss().terms["dice"]
    5.0
    """

    def __init__(
        self,
        class_weight: float = 2.0,
        terms: Mapping[str, float] = TERMS,
        *,
        no_object: float = 0.1,
        points: int | None = 12544,
        oversample: float = 3.0,
        important: float = 0.75,
        matching: Literal["hungarian", "fixed"] = "hungarian",
    ) -> None:
        super().__init__()
        for name, weight in {"class_weight": class_weight, "no_object": no_object, **terms}.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < float("inf"):
                raise OptionError(f"{name} is a number from 0 on, got {weight!r}")
        if unknown := set(terms) - set(MASK_TERMS):
            raise OptionError(f"there is no term {min(unknown)!r} of masks (there are {', '.join(MASK_TERMS)})")
        if matching not in ("hungarian", "fixed"):
            raise OptionError(f"matching is 'hungarian' or 'fixed', got {matching!r}")
        if points is not None and (points < 1 or oversample < 1 or not 0 <= important <= 1):
            raise OptionError(
                f"expected points >= 1, oversample >= 1 and important from 0 to 1, got {points=}, {oversample=}, "
                f"{important=}"
            )
        self.class_weight = class_weight
        self.terms = dict(terms)
        self.no_object = no_object
        self.matching = matching
        self.places: Places = Pixels() if points is None else Points(points, oversample, important)

    def forward(self, queries: Queries, targets: Sequence[Segments], covered: tuple[int, int] | None = None) -> Tensor:
        """The loss, a scalar.

        :param queries: what `model(image, queries=True)` returns.
        :param targets: of each image, as `segzoo.losses.segments_of` makes them.
        :param covered: height and width of the image as it was padded at the right and the bottom, which masks cover:
            `model.plan.input_spec.padded((H, W))`; the targets' own if None.
        :raises InputError: for targets that don't fit the predictions, or each other.
        :raises DataError: for a label that is no class.
        """
        return torch.stack(list(self.parts(queries, targets, covered).values())).sum()

    def parts(
        self, queries: Queries, targets: Sequence[Segments], covered: tuple[int, int] | None = None
    ) -> dict[str, Tensor]:
        """What the loss is the sum of: `"class"` and the weighted terms by name, each over all layers."""
        queries = Queries(*queries)
        _check(queries, targets)
        truths = [Truth(each, covered or (each.ignored.shape[0], each.ignored.shape[1])) for each in targets]
        count = _average(sum(each.labels.shape[0] for each in targets), queries.masks.device)
        predictions = [queries[:2], *queries.earlier]
        found = [self._of_layer(masks.float(), classes.float(), truths, count) for masks, classes in predictions]
        return {name: torch.stack([each[name] for each in found]).sum() for name in found[0]}

    def _of_layer(self, masks: Tensor, classes: Tensor, truths: Sequence[Truth], count: Tensor) -> dict[str, Tensor]:
        nothing = classes.shape[-1] - 1
        labels = torch.full(classes.shape[:2], nothing, device=classes.device)
        sums = dict.fromkeys(self.terms, masks.new_zeros(()))
        for number, truth in enumerate(truths):
            if self.matching == "fixed":
                pairs, segments = by_class(truth.segments)
                truth = Truth(segments, truth.covered)
            else:
                pairs = hungarian(masks[number], classes[number], truth, self.class_weight, self.terms, self.places)
            labels[number, pairs.queries] = truth.segments.labels[pairs.segments]
            held = self.places.to_learn(masks[number, pairs.queries], pairs.segments, truth)
            for name in self.terms:
                sums[name] = sums[name] + MASK_TERMS[name].loss(held).sum()
        weights = classes.new_ones(nothing + 1)
        weights[nothing] = self.no_object
        entropy = F.cross_entropy(classes.transpose(1, 2), labels, weights)
        return {
            CLASS: self.class_weight * entropy,
            **{name: weight * sums[name] / count for name, weight in self.terms.items()},
        }


def _average(count: int, device: torch.device) -> Tensor:
    """How many segments a process has, of all processes that train, at least 1."""
    total = torch.tensor(float(count), device=device)
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.all_reduce(total)
        total = total / torch.distributed.get_world_size()
    return total.clamp_min(1)


def _check(queries: Queries, targets: Sequence[Segments]) -> None:
    batch, classes = queries.masks.shape[0], queries.classes.shape[-1] - 1
    if isinstance(targets, Tensor) or len(targets) != batch or not all(isinstance(each, Segments) for each in targets):
        given: Any = type(targets).__name__ if isinstance(targets, Tensor) else f"{len(targets)} targets"
        raise InputError(f"expected the segments of {batch} images, as segments_of makes them, got {given}")
    for each in targets:
        if each.masks.shape != (each.labels.shape[0], *each.ignored.shape):
            raise InputError(
                f"expected one mask for each label, of the image's size; got masks {tuple(each.masks.shape)}, labels "
                f"{tuple(each.labels.shape)}, ignored {tuple(each.ignored.shape)}"
            )
        if each.labels.numel() and not 0 <= int(each.labels.min()) <= int(each.labels.max()) < classes:
            raise DataError(f"expected labels from 0 to {classes - 1}, got {sorted(set(each.labels.tolist()))}")
