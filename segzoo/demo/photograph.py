"""A photograph of the user's own."""

from __future__ import annotations

from os import PathLike

import numpy as np
from numpy.typing import NDArray

from segzoo.errors import InputError


def read_photo(path: str | PathLike[str]) -> NDArray[np.uint8]:
    """Read a picture file as it is meant to be looked at: upright and in RGB.

    :returns: uint8 (H, W, 3).
    :raises InputError: when there is no such file, or it is no picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            return np.array(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(f"can't read {path} as a picture: {error}; give a PNG or JPEG file") from error
