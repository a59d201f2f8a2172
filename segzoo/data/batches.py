"""Samples of several sizes as one batch, read ahead in worker processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader, Sampler

from segzoo.data.order import Draw
from segzoo.data.samples import Samples
from segzoo.errors import DataError
from segzoo.labels import IGNORE

Batch = tuple[Tensor, Tensor]


def collate(samples: Sequence[Batch]) -> Batch:
    """One batch, padded at the right and the bottom to its largest image.

    :param samples: images float32 (C, H, W) and masks int64 (H, W).
    :returns: images (B, C, H, W), 0 where padded, which is the mean of a normalised image; and masks (B, H, W), padded
        with `IGNORE`.
    """
    height = max(mask.shape[0] for _, mask in samples)
    width = max(mask.shape[1] for _, mask in samples)

    def pad(tensor: Tensor, value: int) -> Tensor:
        return F.pad(tensor, (0, width - tensor.shape[-1], 0, height - tensor.shape[-2]), value=value)

    return (
        torch.stack([pad(image, 0) for image, _ in samples]),
        torch.stack([pad(mask, IGNORE) for _, mask in samples]),
    )


def loader(samples: Samples, batches: Sampler[list[Draw]], workers: int = 0) -> DataLoader[Batch]:
    """Reads those batches ahead.

    :param workers: processes that read; 0 reads in this one.
    """
    return DataLoader(
        samples,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_one_thread,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def _one_thread(_: Any) -> None:
    """A worker needs one thread: others would take the model's."""
    torch.set_num_threads(1)


def original(error: DataError) -> DataError:
    """What a worker process raised, without the traceback that torch writes in front of its message."""
    return DataError(str(error).rpartition("segzoo.errors.DataError: ")[2].strip())
