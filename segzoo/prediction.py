"""From an image of any size to its class map, tile by tile, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from tqdm import tqdm

from segzoo.errors import InputError, OptionError
from segzoo.verification import evaluating

if TYPE_CHECKING:
    from segzoo.model import SegmentationModel

ClassMap = Tensor | dict[str, Tensor]


def predict(model: SegmentationModel, image: Tensor, *, tile: int = 1024, margin: int = 128) -> ClassMap:
    """Predict the class of each pixel.

    An image of at most `tile` pixels a side is one forward. A larger one is cut into overlapping tiles, and of each
    tile all but `margin` pixels at the inner edges is kept; what is held at a time is one tile's logits.

    :param image: normalised, (C, H, W) or (B, C, H, W); it may lie on another device than the model.
    :param tile: side of a tile in pixels.
    :param margin: context around what is kept, in pixels.
    :returns: int64 class map (H, W) or (B, H, W), on the CPU. One class: 1 where its logit is above 0. With named
        heads a dict of them.
    :raises InputError: for an image that the model can't take.
    :raises OptionError: for a tile without room inside its margins.
    """
    if tile < 1 or margin < 0 or tile <= 2 * margin:
        raise OptionError(f"a tile needs room inside its margins: tile > 2 * margin, got tile={tile}, margin={margin}")
    if not isinstance(image, Tensor) or image.ndim not in (3, 4):
        got = f"shape {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise InputError(
            f"expected a tensor (C, H, W) or (B, C, H, W), got {got}; model.preprocessing(picture) makes one"
        )
    batch = image if image.ndim == 4 else image[None]
    parameter = next(model.parameters())
    height, width = batch.shape[-2:]
    windows = [(rows, columns) for rows in spans(height, tile, margin) for columns in spans(width, tile, margin)]
    maps: dict[str, Tensor] = {}
    with evaluating(model), torch.inference_mode():
        for (top, bottom, keep_top, keep_bottom), (left, right, keep_left, keep_right) in tqdm(
            windows, desc="predicting", unit="tile", delay=2, disable=len(windows) == 1
        ):
            logits = model(batch[..., top:bottom, left:right].to(parameter.device))
            for name, each in logits.items() if isinstance(logits, dict) else [("", logits)]:
                if name not in maps:
                    maps[name] = torch.empty(batch.shape[0], height, width, dtype=torch.int64)
                kept = each[..., keep_top - top : keep_bottom - top, keep_left - left : keep_right - left]
                maps[name][:, keep_top:keep_bottom, keep_left:keep_right] = _classes(kept).cpu()
    if image.ndim == 3:
        maps = {name: each[0] for name, each in maps.items()}
    return maps if model.head.classes.named else maps[""]


def spans(length: int, tile: int, margin: int) -> Iterator[tuple[int, int, int, int]]:
    """Cut a side into overlapping spans: where each starts and ends, and which part of it is kept.

    The kept parts follow on each other without gap or overlap; all spans are `tile` long where the side is.

    >>> list(spans(10, tile=6, margin=1))
    [(0, 6, 0, 5), (4, 10, 5, 10)]
    """
    start, kept = 0, 0
    while kept < length:
        start = max(0, min(kept - margin, length - tile))
        end = min(start + tile, length)
        keep_until = length if end == length else end - margin
        yield start, end, kept, keep_until
        kept = keep_until


def _classes(logits: Tensor) -> Tensor:
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)
