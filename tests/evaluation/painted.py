"""A dataset in memory, and a model whose classes are those of a pixel's own place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from synthetic import synthetic
from torch import nn

import segzoo
from segzoo.data import Dataset, Sample
from segzoo.errors import DataError
from segzoo.labels import IGNORE, Labels

SIZES = [(40, 56), (33, 47), (64, 32), (21, 90)]


class Painted(Dataset):
    """Images of several sizes; a tenth of the pixels has no class."""

    def __init__(self, names=("sky", "road", "tree"), channels=3, sizes=SIZES, broken=()):
        super().__init__(Path("painted"))
        self.labels, self.channels, self.sizes, self.broken = Labels(tuple(names)), channels, sizes, broken

    @classmethod
    def recognise(cls, path):
        return None

    def splits(self):
        return {"val": [f"{number}.png" for number in range(len(self.sizes))]}

    def read(self, name):
        if name in self.broken:
            raise DataError(f"{name} can't be read")
        number = int(name.removesuffix(".png"))
        chance, size = np.random.default_rng(number), self.sizes[number]
        mask = chance.integers(0, self.classes, size)
        mask[chance.random(size) < 0.1] = IGNORE
        return Sample(chance.integers(0, 256, (*size, self.channels)).astype(np.uint8), mask, name)


class Local(segzoo.Decoder):
    """A pixel's logits from its own map pixel, so that tiles must give what the whole image gives."""

    finest_stride = 4

    def __init__(self, stages):
        super().__init__(stages, out_channels=8)
        self.conv = nn.Conv2d(stages.channels[0], 8, 1)
        nn.init.normal_(self.conv.weight, std=10.0)  # so that all classes are predicted

    def forward(self, features):
        return self.conv(features[0])


def model_of(classes=3, names=(), **options):
    if "heads" not in options:
        options["classes"] = classes
    model = segzoo.create_model(synthetic("mit"), Local, **options).eval()
    if names:
        model.labels = {"logits": Labels(tuple(names))}
    return model
