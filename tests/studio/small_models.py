"""Saved models that take no time, a picture for them, and files that are no pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

import segzoo

MARKUP = "<img src=x onerror=alert(1)>"
NAMES = ("ground", "road", MARKUP)


def save_model(folder: Path, seed: int = 0, names: tuple[str, ...] = NAMES) -> str:
    """A tiny model with random weights, which tells three classes apart, one of them with markup in its name."""
    torch.manual_seed(seed)
    model = segzoo.create_model("test_resnet", "fpn", classes=len(names))
    model.save_pretrained(folder, labels=segzoo.Labels(names))
    return str(folder)


def save_picture(file: Path, height: int = 120, width: int = 160) -> Path:
    """A photograph, more or less: light that changes, and noise."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:height, :width]
    light = np.stack([rows * 255 / height, columns * 255 / width, 128 + 100 * np.sin(columns / 9)], -1)
    Image.fromarray((light + random.integers(0, 20, light.shape)).clip(0, 255).astype(np.uint8)).save(file)
    return file


def save_pdf(file: Path) -> Path:
    file.write_bytes(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")
    return file


def save_huge(file: Path) -> Path:
    """A file of 200 million pixels, small on the disk."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        Image.new("1", (20_000, 10_000)).save(file)
    finally:
        Image.MAX_IMAGE_PIXELS = limit
    return file
