"""Samples of several sizes as one batch, read ahead in worker processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from segzoo.data.order import Draw
from segzoo.data.samples import Samples
from segzoo.data.target import empty_target
from segzoo.errors import SegzooError

Batch = tuple[Tensor, Tensor]
Item = TypeVar("Item")


def collate(samples: Sequence[Batch]) -> Batch:
    """One batch, padded at the right and the bottom to its largest image.

    :param samples: images float32 (C, H, W) and masks int64 (H, W), or with maps of objects (2, H, W).
    :returns: images (B, C, H, W), 0 where padded, which is the mean of a normalised image; and masks (B, H, W), padded
        with `IGNORE`, or (B, 2, H, W), whose second maps are padded with 0.
    """
    if len({mask.shape for _, mask in samples}) == 1:
        return torch.stack([image for image, _ in samples]), torch.stack([mask for _, mask in samples])
    height, width = (max(sides) for sides in zip(*(mask.shape[-2:] for _, mask in samples), strict=True))
    first, mask = samples[0]
    images = first.new_zeros((len(samples), len(first), height, width))
    masks = empty_target((len(samples), height, width), panoptic=mask.ndim == 3)
    for place, (image, mask) in enumerate(samples):
        down, right = mask.shape[-2:]
        images[place, :, :down, :right] = image
        masks[place, ..., :down, :right] = mask
    return images, masks


def loader(samples: Samples, batches: Sampler[list[Draw]], workers: int = 0) -> Loader[Batch]:
    """Reads those batches ahead.

    :param workers: processes that read; 0 reads in this one.
    """
    return Loader(
        samples,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # draws of its own: those of the model don't depend on how samples are read
    )


class Loader(DataLoader[Item]):
    """Torch's DataLoader, whose errors out of a worker process read as those of this one."""

    def __iter__(self) -> Iterator[Item]:  # type: ignore[override]
        try:
            yield from super().__iter__()
        except SegzooError as error:
            raise original(error) from error.__cause__


Raised = TypeVar("Raised", bound=SegzooError)


def original(error: Raised) -> Raised:
    """What a worker process raised, without the traceback that torch writes in front of its message."""
    kind = type(error)
    _, found, message = str(error).rpartition(f"{kind.__module__}.{kind.__qualname__}: ")
    if not found:
        return error
    error.__traceback__ = None  # torch's frames there hold the error too, and would keep the processes waiting
    return kind(message.strip())
