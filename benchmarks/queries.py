r"""Mask2Former of transformers beside ours, with the same weights: processor time, and memory of a large image.

transformers saves a model of random weights (Swin-T, 150 classes, 100 queries), and segzoo imports that folder.
Masks and classes of both have to agree before anything is measured. Each side lives in a process of its own with one
thread; the two run in turn and never at once.

\b
time    of one image, from pixels to the masks and classes of all queries, eval mode; theirs / ours, median over rounds
memory  the most that the process holds, less what it held before, from pixels to a class map of the image's own
        size; MiB of each side, each in a new process

README.md has what was measured.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

CLASSES = 150
TOLERANCE = 1e-4
"""By how much masks and classes may differ, as a fraction of the largest."""
UNIT = 2**20 if sys.platform == "darwin" else 2**10
"""Of `ru_maxrss`, in a MiB."""


def make(folder: Path) -> None:
    """Save a model of transformers with random weights."""
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

    torch.manual_seed(0)
    backbone = SwinConfig(out_features=["stage1", "stage2", "stage3", "stage4"])
    config = Mask2FormerConfig(backbone_config=backbone, num_labels=CLASSES)
    Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)


class Theirs:
    """transformers' model."""

    def __init__(self, folder: Path) -> None:
        from transformers import Mask2FormerForUniversalSegmentation

        self.model = Mask2FormerForUniversalSegmentation.from_pretrained(folder).eval()

    def queries(self, image: Tensor) -> tuple[Tensor, Tensor]:
        found = self.model(pixel_values=image)
        return found.masks_queries_logits, found.class_queries_logits

    def classes(self, image: Tensor) -> Tensor:
        from transformers import Mask2FormerImageProcessor

        found = self.model(pixel_values=image)
        (classes,) = Mask2FormerImageProcessor().post_process_semantic_segmentation(found, [tuple(image.shape[-2:])])
        return classes


class Ours:
    """segzoo's, of the same weights."""

    def __init__(self, folder: Path) -> None:
        import segzoo

        self.model = segzoo.from_pretrained(folder)

    def queries(self, image: Tensor) -> tuple[Tensor, Tensor]:
        found = self.model.queries(image)
        return found.masks, found.classes

    def classes(self, image: Tensor) -> Tensor:
        return self.model.segment(image[0], task="semantic")


_side: Theirs | Ours  # of this process
_image: Tensor


def build(side: type[Theirs | Ours], folder: Path, size: int) -> list[np.ndarray]:
    """Load a side.

    :returns: masks and classes of an image of that height and width.
    """
    global _side, _image
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    _side = side(folder)
    _image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return [each.numpy() for each in _side.queries(_image)]


def seconds() -> float:
    """Of the processor, for one image."""
    start = time.process_time()
    with torch.inference_mode():
        _side.queries(_image)
    return time.process_time() - start


def most_memory(side: type[Theirs | Ours], folder: Path, size: int) -> float:
    """In MiB, beyond what the loaded model takes after an image of 64 pixels a side."""
    build(side, folder, 64)
    image = torch.randn(1, 3, size, size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with torch.inference_mode():
        _side.classes(image)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / UNIT


def process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def ask(pool: ProcessPoolExecutor, function: Callable[..., Any], *arguments: Any) -> Any:
    return pool.submit(function, *arguments).result()


@click.command(help=__doc__, context_settings={"show_default": True, "max_content_width": 120})
@click.option("--size", default=512, type=click.IntRange(64), help="Height and width of the image that is timed.")
@click.option("--large", default=2048, type=click.IntRange(64), help="Of the image whose memory is measured; 0: none.")
@click.option("--rounds", default=7, type=click.IntRange(1), help="How often each side is timed.")
def main(size: int, large: int, rounds: int) -> None:
    os.environ.update({"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"})
    with TemporaryDirectory() as folder:
        path = Path(folder)
        with process() as making:
            ask(making, make, path)
        with process() as theirs, process() as ours:
            found = [ask(theirs, build, Theirs, path, size), ask(ours, build, Ours, path, size)]
            for name, their, our in zip(("masks", "classes"), *found, strict=True):
                difference = np.abs(their - our).max() / np.abs(their).max()
                if difference > TOLERANCE:
                    raise SystemExit(f"{name} differ by {difference:.1e} of the largest: nothing is measured")
            pairs = [(ask(theirs, seconds), ask(ours, seconds)) for _ in tqdm(range(rounds), unit="round")]
        their_time, our_time = (statistics.median(each) for each in zip(*pairs, strict=True))
        result = {
            "size": size,
            "their_seconds": round(their_time, 3),
            "our_seconds": round(our_time, 3),
            "time": round(statistics.median(their / our for their, our in pairs), 3),
        }
        for side in (Theirs, Ours):
            with process() as alone:
                result[f"{side.__name__.lower()}_mib_{large}"] = round(ask(alone, most_memory, side, path, large))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
