"""A small dataset in folders, and the settings of a run on it that takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segzoo.training import Settings

CLASSES = ("ground", "square", "bar")
SIDE = 32


def write_shapes(folder: Path, train: int = 8, val: int = 5, side: int = SIDE) -> Path:
    """Bright squares and dark bars on noise, each a class."""
    random = np.random.default_rng(0)
    for split, count in (("train", train), ("val", val)):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        for number in range(count):
            mask = np.zeros((side, side), np.uint8)
            top, left = random.integers(0, side // 2, 2)
            mask[:, left : left + 5] = 2
            mask[top : top + side // 2, left : left + side // 2] = 1
            light = np.array([90, 200, 30])[mask] + random.integers(-20, 20, (side, side))
            image = np.stack([light, light, light], -1).astype(np.uint8)
            Image.fromarray(image).save(folder / split / "images" / f"{number:02d}.png")
            Image.fromarray(mask).save(folder / split / "masks" / f"{number:02d}.png")
    (folder / "classes.txt").write_text("\n".join(CLASSES))
    return folder


def small_settings(data: Path, **changed: Any) -> Settings:
    """A run of 8 steps; its decoder has dropout, so that chance in the model counts too."""
    given: dict[str, Any] = {
        "data": str(data), "encoder": "test_resnet", "decoder": "segformer", "pretrained": False, "steps": 8,
        "batch_size": 4, "validate_every": 2, "workers": 0, "average": 0.9, "accelerator": "cpu",
    }  # fmt: skip
    return Settings.of(**{**given, **changed})


def weights(folder: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    return load_file(folder / "model" / "model.safetensors")


def same_weights(one: Path, other: Path) -> bool:
    """Whether two runs ended with the same model, bit for bit."""
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
