"""What was exported, and how right it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from segzoo.exporting.verification import Verified
from segzoo.runtime.manifest import Manifest


@dataclass(frozen=True)
class Exported:
    """What `export` wrote.

    :param path: the artefact.
    :param manifest: what it says about itself, to `segzoo.runtime` among others.
    :param traced: the height and width of the example that it was traced with; none of `verified` where sizes are open.
    :param verified: the inputs that it was run with in its own runtime, and how much it differed from the model.
    """

    path: Path
    manifest: Manifest
    traced: tuple[int, int]
    verified: tuple[Verified, ...]

    @property
    def difference(self) -> float:
        """The largest difference from the model, as a part of the largest logit."""
        return max(each.difference for each in self.verified)

    def __str__(self) -> str:
        sizes = ", ".join("{}x{}x{}".format(*each.shape) for each in self.verified)
        return (
            f"{self.path}: right within {self.difference:.0e} of the largest logit at {sizes} (batch x height x width)"
        )
