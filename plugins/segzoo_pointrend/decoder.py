"""PointRend: Image Segmentation as Rendering, arXiv:1912.08193, of semantic segmentation.

B         batch
C         channels of the fine map
K         classes
N         pixels of a map
P         points that are predicted anew
H_i, W_i  size of stage i
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Le
from torch import Tensor, nn

import segzoo
from segzoo.nn import cell_centres, resize
from segzoo.options import Count, Places, Stride, Values, Width
from segzoo_pointrend.points import PointHead, sample, uncertainty

FINE_STRIDE = 4


class PointRendDecoder(segzoo.Refiner):
    """The inner decoder's logits grown step by step; in each step the most uncertain pixels are predicted anew.

    They are predicted from a fine map, of stride 4 where there is one, and the inner decoder's logits there. Of finer
    stages the size alone is taken. The inner decoder's logits are trained too, as in the paper. What was predicted anew
    is trained in its places, in the same way as at inference. (The paper draws the points by chance in training, and
    has a loss of their own.) With several heads, a pixel's classes of all of them are compared.

    :param inner: the name of the decoder that is refined, of one that emits features and ends at a coarser stride.
    :param inner_options: its own options.
    :param inner_stages: the places of its stages among those of both; settled by the negotiation.
    :param pixels_per_point: in each step one pixel in so many is predicted anew. The paper's 8192 of an image of
        Cityscapes are one in 64 at stride 2, and one in 256 at stride 1.
    :param width: of the network that does it.
    :param layers: of that network, before its classifier.
    :param finest_stride: where growing ends; 1 is the image's own resolution.
    """

    def __init__(
        self,
        stages: segzoo.FeatureSpec,
        classes: int,
        inner: str = "fpn",
        inner_options: Values | None = None,
        inner_stages: Places | None = None,
        pixels_per_point: Annotated[int, Ge(1), Le(1 << 20)] = 64,
        width: Width = 256,
        layers: Count = 3,
        finest_stride: Stride = 1,
    ) -> None:
        super().__init__(stages, classes, inner, inner_options, inner_stages)
        self.coarser_channels = (classes,)
        self.pixels_per_point = pixels_per_point
        self.finer = finer_places(stages, stages.strides[self.inner_stages[0]], finest_stride)
        self.fine = fine_place(stages)
        kernel = self.inner.head_kernel
        self.dropout = nn.Dropout2d(self.inner.head_dropout)
        self.classify = nn.Conv2d(self.inner.out_channels, classes, kernel, padding=kernel // 2)
        self.head = PointHead(stages.channels[self.fine], classes, width, layers)

    @classmethod
    def beside(cls, offer: segzoo.FeatureSpec, taken: segzoo.Selection, **options: Any) -> Mapping[int, str]:
        """The fine map, and each finer stride's size.

        :raises segzoo.OptionError: when the inner decoder's map is as fine as it is to be.
        """
        stride, finest = offer.strides[taken.stages[0]], options["finest_stride"]
        if not (finer := finer_places(offer, stride, finest)):
            raise segzoo.OptionError(
                f"pointrend grows the map of its inner decoder {options['inner']!r} to stride {finest}, and that one's "
                f"finest stage has stride {stride} already; name one that ends at a coarser stride, such as 'fpn'"
            )
        return {**dict.fromkeys(finer, "size"), fine_place(offer): "points"}

    def forward(self, features: list[Tensor], coarser: bool = False) -> Tensor | tuple[Tensor, list[Tensor]]:
        """(B, C_i, H_i, W_i) each to (B, K, H_0, W_0), and to the inner decoder's (B, K, H_i, W_i)."""
        decoded = self.classify(self.dropout(self.inner_features(features)))
        coarse = resize(decoded, features[self.inner_stages[0]].shape[-2:])
        logits = coarse
        for place in self.finer:
            grown = resize(logits, features[place].shape[-2:])
            logits = self.predict_anew(grown, coarse, features[self.fine])
        return (logits, [coarse]) if coarser else logits

    def predict_anew(self, logits: Tensor, coarse: Tensor, fine: Tensor) -> Tensor:
        """Replace the logits of the most uncertain pixels.

        :param logits: (B, K, h, w).
        :param coarse: the inner decoder's, (B, K, H_i, W_i).
        :param fine: (B, C, H_i, W_i).
        :returns: (B, K, h, w).
        """
        (batch, classes), pixels = logits.shape[:2], logits.flatten(2)
        points = (pixels.shape[-1] - 1) // self.pixels_per_point + 1
        chosen = uncertainty(logits).flatten(1).topk(points, dim=1).indices  # (B, P)
        centres = cell_centres(logits).expand(batch, -1, -1)
        places = centres.gather(1, chosen[..., None].expand(-1, -1, 2))  # (B, P, 2)
        anew = self.head(sample(fine, places), sample(coarse, places)).transpose(1, 2)  # (B, K, P)
        index = chosen[:, None].expand(-1, classes, -1)
        return pixels.scatter(2, index, anew.to(pixels.dtype)).unflatten(2, logits.shape[-2:])


def fine_place(stages: segzoo.FeatureSpec) -> int:
    """The finest map from stride 4 on; without such the coarsest map."""
    return next((place for place in stages.native if stages.strides[place] >= FINE_STRIDE), stages.native[-1])


def finer_places(stages: segzoo.FeatureSpec, stride: int, finest: int) -> list[int]:
    """One stage of each finer stride, coarse to fine.

    :param stride: than which they are finer.
    :param finest: the finest that is wanted.
    """
    strides = sorted({each for each in stages.strides if finest <= each < stride}, reverse=True)
    return [stages.strides.index(each) for each in strides]
