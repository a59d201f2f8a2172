"""From an image of any size to its class map, tile by tile, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from tqdm import tqdm

from segzoo.errors import InputError, OptionError
from segzoo.modes import evaluating

ClassMap = Tensor | dict[str, Tensor]


def predict(model: nn.Module, image: Tensor, *, tile: int = 1024, margin: int = 128, grid: int = 1) -> ClassMap:
    """Predict the class of each pixel.

    An image of at most `tile` pixels a side is one forward. A larger one is cut into overlapping tiles, and of each
    tile all but `margin` pixels at the inner edges is kept; what is held at a time is one tile's logits.

    :param model: image (B, C, H, W) to logits of its size, or a dict of them.
    :param image: normalised, (C, H, W) or (B, C, H, W); it may lie on another device than the model.
    :param tile: side of a tile in pixels.
    :param margin: context around what is kept, in pixels.
    :param grid: tiles start at multiples of it: a model's strides, so that a tile's maps lie as the whole image's do.
    :returns: int64 class map (H, W) or (B, H, W), on the CPU. One class: 1 where its logit is above 0. With named
        heads a dict of them.
    :raises InputError: for an image that the model can't take.
    :raises OptionError: for a tile without room inside its margins.
    """
    if margin < 0 or tile < 2 * margin + grid:
        raise OptionError(
            f"a tile needs room inside its margins: tile from 2 * margin + {grid} on, got tile={tile}, margin={margin}"
        )
    if not isinstance(image, Tensor) or image.ndim not in (3, 4):
        got = f"shape {tuple(image.shape)}" if isinstance(image, Tensor) else type(image).__name__
        raise InputError(
            f"expected a tensor (C, H, W) or (B, C, H, W), got {got}; model.preprocessing(picture) makes one"
        )
    batch = image if image.ndim == 4 else image[None]
    parameter = next(model.parameters())
    height, width = batch.shape[-2:]
    windows = [
        (rows, columns) for rows in spans(height, tile, margin, grid) for columns in spans(width, tile, margin, grid)
    ]
    maps: dict[str, Tensor] = {}
    with evaluating(model), torch.inference_mode():
        for (top, bottom, keep_top, keep_bottom), (left, right, keep_left, keep_right) in tqdm(
            windows, desc="predicting", unit="tile", delay=2, disable=len(windows) == 1
        ):
            logits = model(batch[..., top:bottom, left:right].to(parameter.device))
            named = isinstance(logits, dict)
            for name, each in logits.items() if named else [("", logits)]:
                if name not in maps:
                    maps[name] = torch.empty(batch.shape[0], height, width, dtype=torch.int64)
                kept = each[..., keep_top - top : keep_bottom - top, keep_left - left : keep_right - left]
                maps[name][:, keep_top:keep_bottom, keep_left:keep_right] = _classes(kept).cpu()
    if image.ndim == 3:
        maps = {name: each[0] for name, each in maps.items()}
    return maps if named else maps[""]


def spans(length: int, tile: int, margin: int, grid: int = 1) -> Iterator[tuple[int, int, int, int]]:
    """Cut a side into overlapping spans: where each starts and ends, and which part of it is kept.

    The kept parts follow on each other without gap or overlap; no span is longer than `tile`.

    >>> list(spans(10, tile=6, margin=1))
    [(0, 6, 0, 5), (4, 10, 5, 10)]
    """
    kept = 0
    while kept < length:
        start = max(0, min(kept - margin, length - tile + grid - 1) // grid * grid)
        end = min(start + tile, length)
        keep_until = length if end == length else end - margin
        yield start, end, kept, keep_until
        kept = keep_until


def _classes(logits: Tensor) -> Tensor:
    return (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(dim=1)
