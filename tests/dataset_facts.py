"""What holds for every dataset that ships: one form recognises it, and it goes to worker processes."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segzoo import IGNORE
from segzoo.data import Dataset
from segzoo.host import registry


def save(file: Path, array: Any) -> None:
    """An array as a picture, in the folder that it may need."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(file)


def photo(height: int = 4, width: int = 6) -> Any:
    return np.full((height, width, 3), 90, np.uint8)


def recognising(path: Path) -> set[str]:
    """The names of the datasets that a path is recognised by, the general ones only where there is no other."""
    kinds = {each.name: each.load() for each in registry.datasets()}
    found = {name for name, kind in kinds.items() if kind.recognise(path)}
    return {name for name in found if not kinds[name].general} or found


def classes_of(mask: Any) -> set[int]:
    """The values of a mask but for `IGNORE`."""
    return set(np.unique(mask).tolist()) - {IGNORE}


def pickled(dataset: Dataset) -> Dataset:
    """What a worker process gets."""
    return pickle.loads(pickle.dumps(dataset))


def open_files(folder: Path) -> list[str]:
    """The files below a folder that this process holds open."""
    links = [os.path.realpath(f"/proc/self/fd/{each}") for each in os.listdir("/proc/self/fd")]
    return [each for each in links if each.startswith(str(folder))]
