"""Small models to publish, and changes to their folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import segzoo


def small_model(encoder: str = "test_resnet", **options: Any) -> segzoo.SegmentationModel:
    if not options.keys() & {"classes", "heads"}:
        options["classes"] = 3
    options.setdefault("decoder_options", {"width": 8})
    return segzoo.create_model(encoder, options.pop("decoder", "segformer"), **options).eval()


def image(side: int = 64) -> Tensor:
    return torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(1))


def edit(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the plain data of a folder's config."""
    file = folder / "config.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))
