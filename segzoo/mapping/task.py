"""What is asked of files, and what becomes of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from segzoo.errors import OptionError
from segzoo.prediction.streaming import Output
from segzoo.prediction.tiling import Tiling


class Wanted(NamedTuple):
    """What is written of each image.

    :ivar output: classes; or logits or probabilities, of each class.
    :ivar overlay: whether a picture is drawn to look at.
    :ivar polygons: whether classes are written as polygons as well.
    """

    output: Output = "classes"
    overlay: bool = False
    polygons: bool = False


@dataclass(frozen=True)
class Task:
    """What is done with each file.

    :param wanted: what is written of it.
    :param tiling: how it is cut; `batch`: how many tiles are computed at once.
    :param bands: which of its bands the model sees, counted from 1; all if None.
    :raises OptionError: for what can't be asked for.
    """

    wanted: Wanted
    tiling: Tiling
    batch: int = 1
    bands: tuple[int, ...] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What predictions depend on, as plain data."""
        return {**asdict(self.tiling), **self.wanted._asdict(), "bands": self.bands}

    def __post_init__(self) -> None:
        if self.wanted.output != "classes" and (self.wanted.overlay or self.wanted.polygons):
            raise OptionError(f"overlays and polygons are of classes, not of {self.wanted.output}; ask for these alone")
        if self.bands is not None and (not self.bands or min(self.bands) < 1):
            raise OptionError(f"bands are numbers counted from 1, such as 3,2,1, got {list(self.bands)}")
        if self.batch < 1:
            raise OptionError(f"expected a batch of 1 or more tiles, got {self.batch}")


class Predicted(NamedTuple):
    """What was made of a file.

    :ivar size: height and width.
    :ivar files: that were written.
    :ivar pixels: how many each class has, by head.
    """

    size: tuple[int, int]
    files: tuple[Path, ...]
    pixels: dict[str, list[int]]


@dataclass
class Outcome:
    """What became of each file, by its path.

    :ivar done: predicted.
    :ivar kept: predicted by an earlier run.
    :ivar broken: left out, and why.
    """

    done: dict[str, Predicted] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
