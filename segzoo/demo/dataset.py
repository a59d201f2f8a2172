"""The demo's scenes as a dataset, composed when they are read: nothing lies on a disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from segzoo.data.dataset import TRAIN, VAL, Dataset
from segzoo.data.sample import Sample
from segzoo.demo.extras import require_extras
from segzoo.demo.scenes import CLASSES, PALETTE, THINGS, check_scenes, scene
from segzoo.labels import Labels

NAME = "handwritten digits"


class ScenesDataset(Dataset):
    """Scenes of coloured handwritten digits, for `segzoo.training.train(..., dataset=...)`.

    :param train: scenes to train on; more begin with the same ones.
    :param val: scenes to validate on, of scans that no training scene has.
    :param size: height and width in pixels.
    :param seed: another seed, other scenes.
    :raises OptionError: for a split without scenes, or fewer than 16 pixels a side.
    :raises MissingExtraError: without scikit-learn.

    >>> dataset = ScenesDataset(train=100, val=20)
    >>> dataset.read("train/7").image.shape
    (64, 64, 3)
    """

    labels = Labels(CLASSES, PALETTE, THINGS)
    channels = 3
    has_instances = True

    def __init__(self, train: int, val: int, *, size: int = 64, seed: int = 0) -> None:
        check_scenes(train, val, size)
        require_extras()
        super().__init__(Path(NAME))
        self.counts = {TRAIN: train, VAL: val}
        self.side = size
        self.seed = seed

    @classmethod
    def recognise(cls, path: Path) -> str | None:
        """They lie at no path."""
        return None

    def splits(self) -> Mapping[str, Sequence[str]]:
        return {split: [f"{split}/{index}" for index in range(count)] for split, count in self.counts.items()}

    def read(self, name: str) -> Sample:
        split, _, index = name.partition("/")
        picture, mask, instances = scene(split, int(index), size=self.side, seed=self.seed)
        return Sample(picture, mask, name, instances)

    def size(self, name: str) -> tuple[int, int]:
        return self.side, self.side
