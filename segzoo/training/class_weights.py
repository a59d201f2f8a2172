"""Class weights from how many pixels each class has."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from segzoo.errors import DataError

LARGEST = 10.0


def balanced_weights(pixels: Sequence[int] | Tensor) -> Tensor:
    """More for a rare class: the square root of the median frequency by its own, between 0.1 and 10.

    Median frequency balancing (arXiv:1411.4734, section 4.3.2) under the square root that keeps rare classes from
    drowning the others (arXiv:1805.00932, section 2.2, where it sets how often images are seen). A class without
    pixels counts 1.

    :param pixels: of each class, (K,).
    :returns: float32 (K,), for `Loss(class_weights=...)`.
    :raises DataError: without any pixel, or with less than none.

    >>> balanced_weights([900, 100, 25])
    tensor([0.3333, 1.0000, 2.0000])
    """
    counts = torch.as_tensor(pixels, dtype=torch.float64)
    if counts.ndim != 1 or not bool((counts >= 0).all()) or not bool((counts > 0).any()):
        raise DataError(f"expected the number of pixels of each class, some of them above 0, got {pixels!r}")
    seen = counts > 0
    weights = torch.ones_like(counts)
    weights[seen] = (counts[seen].quantile(0.5) / counts[seen]).sqrt().clamp(1 / LARGEST, LARGEST)
    return weights.float()
