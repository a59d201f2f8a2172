"""The neck's contract: a feature list in, a feature list of the same depth out, with other strides or channels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from segzoo.contract import FeatureSpec


class Neck(nn.Module):
    """Base of necks: what stands between encoder and decoder where the encoder's own list doesn't serve.

    A subclass sets `spec`, the spec of the list that `forward` returns. One that makes a pyramid gives each of the
    stages that it is asked for its nominal stride, `2**stage`.

    :param offer: the encoder's spec.
    :param stages: the stages, no placeholders among them, that the decoder asked for.
    """

    spec: FeatureSpec

    def __init__(self, offer: FeatureSpec, stages: Sequence[int]) -> None:
        super().__init__()
        self.spec = offer

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Turn the encoder's full list into one that `spec` describes."""
        raise NotImplementedError
