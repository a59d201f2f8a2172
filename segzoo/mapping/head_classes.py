"""What a head tells apart, and how files hold it.

Classes are integers of the fewest bytes, and the largest of them says that a pixel has no data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from segzoo.labels import Colour, Labels
from segzoo.pictures.colours import palette


@dataclass(frozen=True)
class HeadClasses:
    """What a head tells apart.

    :param count: of its logits; one alone tells two classes apart.
    :param labels: of the classes.
    """

    count: int
    labels: Labels

    @classmethod
    def of(cls, count: int, labels: Labels) -> HeadClasses:
        """Of a head's own labels: a map of a single class holds 1 where it is."""
        if count == 1:
            colours = (palette(1)[0], *labels.palette) if labels.palette else ()
            labels = Labels(("nothing", labels.name(0)), colours)
        return cls(count, labels)

    @property
    def classes(self) -> int:
        return max(2, self.count)

    @property
    def palette(self) -> tuple[Colour, ...]:
        return self.labels.palette or palette(self.classes)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8 if self.classes < 256 else np.uint16)

    @property
    def nodata(self) -> int:
        """What a pixel without data holds."""
        return int(np.iinfo(self.dtype).max)
