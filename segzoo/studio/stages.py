"""What each stage sees: the maps that decoder or neck get of an image, as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from segzoo.handshake.planning import Row
from segzoo.mapping import open_source
from segzoo.model import SegmentationModel
from segzoo.modes import evaluating
from segzoo.pictures import as_picture
from segzoo.pictures.colours import Picture
from segzoo.studio.images import check_image, naming
from segzoo.studio.settings import Settings

SIDE = 512
"""Pixels of the image's longer side, as the model sees it here."""

Look = Literal["components", "mean"]
"""A map's first three principal components as red, green and blue; or the mean of its channels."""


class Stage(NamedTuple):
    """A map to look at."""

    picture: Picture
    caption: str


def draw_stages(model: SegmentationModel, image: Path, settings: Settings, look: Look = "components") -> list[Stage]:
    """Draw the maps of an image that was made smaller, those that have channels, fine to coarse.

    :raises InputError: for a file that is no image, is too large or that the model can't take.
    """
    height, width = check_image(image, settings.max_pixels)
    with naming(image):
        with open_source(image, model.preprocessing) as source:
            picture = source.reduced(max(1, max(height, width) // SIDE))
        pixels = model.preprocessing(picture)[None].to(settings.device)
        # Resized rather than padded, so that no map has a border that isn't the image's.
        side = model.plan.input_spec.padded(_fitting(height, width))
        pixels = torch.nn.functional.interpolate(pixels, side, mode="bilinear", antialias=True)
        with evaluating(model), torch.inference_mode():
            features = model.encoder(pixels)
            if model.neck is not None:
                features = model.neck(features)
    return [
        Stage(_enlarged(_seen(features[row.stage][0].float().cpu(), look), side), _caption(row))
        for row in model.plan.rows
        if row.channels and row.origin != "image"
    ]


def _fitting(height: int, width: int) -> tuple[int, int]:
    scale = SIDE / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def _caption(row: Row) -> str:
    return f"stage {row.stage}: {row.channels} ch / {row.stride}, {row.role or 'not taken'}"


def _seen(values: Tensor, look: Look) -> Picture:
    """A map (C, h, w) as a picture (h, w, 3)."""
    if look == "mean":
        return as_picture(values.mean(dim=0)[..., None].numpy())
    return as_picture(components(values).permute(1, 2, 0).numpy())


def components(values: Tensor) -> Tensor:
    """The first three principal components (3, h, w) of a map (C, h, w), over its places; 0 where it has fewer.

    Each is turned so that its largest value is positive, since a component's sign means nothing.
    """
    channels, height, width = values.shape
    places = values.reshape(channels, -1).T
    left, scales, _ = torch.linalg.svd(places - places.mean(dim=0), full_matrices=False)
    scores = (left * scales)[:, :3]
    largest = scores.gather(0, scores.abs().argmax(dim=0, keepdim=True))
    scores = scores * torch.where(largest < 0, -1.0, 1.0)
    missing = scores.new_zeros(len(places), 3 - scores.shape[1])
    return torch.cat([scores, missing], dim=1).T.reshape(3, height, width)


def _enlarged(picture: Picture, side: tuple[int, int]) -> Picture:
    """The same at another size, its pixels as squares."""
    rows, columns = (np.arange(new) * old // new for new, old in zip(side, picture.shape, strict=False))
    return picture[rows[:, None], columns]
