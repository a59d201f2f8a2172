"""A dataset of arrays in memory, for tests of what becomes of its samples."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segzoo.data import Dataset, Sample
from segzoo.errors import DataError
from segzoo.labels import Labels


class Arrays(Dataset):
    """Images and masks by name, and maps of objects; None in the place of an image can't be read."""

    def __init__(
        self,
        images: Mapping[str, Any],
        masks: Mapping[str, Any],
        instances: Mapping[str, Any] | None = None,
        *,
        classes: int = 3,
        channels: int = 3,
        things: tuple[int, ...] | None = None,
        crowds: tuple[int, ...] = (),
    ) -> None:
        super().__init__(Path("arrays"))
        self.images, self.masks, self.instances, self.crowds = dict(images), dict(masks), dict(instances or {}), crowds
        self.labels = Labels(tuple(f"class {k}" for k in range(classes)), things=things)
        self.channels, self.has_instances = channels, instances is not None

    @classmethod
    def recognise(cls, path: Path) -> None:
        return None

    def splits(self) -> Mapping[str, Sequence[str]]:
        return {"all": list(self.images)}

    def read(self, name: str) -> Sample:
        if self.images[name] is None:
            raise DataError(f"{name} can't be read: it is cut off; replace it")
        return Sample(self.images[name], self.masks[name], name, self.instances.get(name), self.crowds)


def random_arrays(count: int = 5, size: tuple[int, int] = (12, 16), dtype: Any = np.uint8, channels: int = 3) -> Arrays:
    random = np.random.default_rng(0)
    names = [f"{number}.png" for number in range(count)]
    images = {name: random.integers(0, 200, (*size, channels)).astype(dtype) for name in names}
    masks = {name: random.integers(0, 3, size) for name in names}
    return Arrays(images, masks, channels=channels)
