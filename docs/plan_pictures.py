"""Draws plans into images/ beside this file, as negotiation.md shows them: `python docs/plan_pictures.py`."""

from collections.abc import Mapping
from pathlib import Path

import segzoo
from segzoo.pictures import draw_plan

FOLDER = Path(__file__).with_name("images")
PAIRS: Mapping[str, tuple[str, str]] = {
    "plan_native": ("resnet18", "unet"),
    "plan_placeholder": ("mit_b0", "unet"),
    "plan_neck": ("vit_tiny_patch16_224", "fpn"),
    "plan_dilated": ("resnet18", "deeplabv3plus"),
}


def pictures() -> dict[str, str]:
    """All of them, by file name."""
    return {f"{name}.svg": draw_plan(segzoo.plan(*pair)) for name, pair in PAIRS.items()}


if __name__ == "__main__":
    for name, svg in pictures().items():
        (FOLDER / name).write_text(svg)
