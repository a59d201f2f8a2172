"""The neck's contract: a feature list in, a feature list of the same depth out, with other strides or channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from segzoo.contract import FeatureSpec


class Neck(nn.Module):
    """Base of necks: what stands between encoder and decoder where the encoder's own list doesn't serve.

    A subclass sets `spec`, the spec of the list that `forward` returns. One that makes a pyramid gives each of the
    stages that it is asked for its nominal stride, `2**stage`.

    Entry 0 is the image for most encoders, and a map of the encoder's own for some. A neck reads no more than its size,
    unless it says `needs_image = True`: then it is given the image there, as the encoder was given it, and an encoder
    whose list doesn't hold the image is refused in the plan.

    :param offer: the encoder's spec.
    :param stages: the stages, no placeholders among them, that the decoder asked for.
    """

    needs_image: ClassVar[bool] = False
    """Whether it reads the image, from entry 0."""

    spec: FeatureSpec

    def __init__(self, offer: FeatureSpec, stages: Sequence[int]) -> None:
        super().__init__()
        self.spec = offer

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Turn the encoder's full list into one that `spec` describes."""
        raise NotImplementedError

    def no_weight_decay(self) -> set[str]:
        """Parameters that weight decay harms, such as embeddings; biases and norms need no mention.

        :returns: names, or patterns as `fnmatch` has them.
        """
        return set()
