"""Vision Transformer Adapter for Dense Predictions, arXiv:2205.08534, without its injectors.

B         batch
D         channels of the transformer, and of each stage
H_i, W_i  size of the image over 4, 8, 16, 32, rounded up
h, w      size of the transformer's maps
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

import segzoo
from segzoo.nn import BatchNorm2d, cell_centres, resize
from segzoo_vitadapter.extractor import Extractor, as_maps, as_tokens
from segzoo_vitadapter.spatial_prior import STEM_WIDTH, WIDTHS, SpatialPrior

FINEST, *LEVELS = (2, 3, 4, 5)
"""The stages that it makes, of strides 4 to 32. Tokens are those of the coarser three."""
HEAD_WIDTH = 64
LAST_EXTRACTORS = 3
"""They query the deepest map; each other map is queried by one."""


class ViTAdapter(segzoo.Neck):
    """A pyramid of strides 4 to 32 of what convolutions see in the image, and find in a plain transformer's maps.

    The transformer stays as it is: in the paper the adapter also injects what it has into the transformer's blocks, and
    here it extracts alone. So the transformer can be frozen, and its maps kept. The deepest map is queried two times
    more than the others, as in the authors' models.

    :raises segzoo.NegotiationError: for an encoder whose maps differ in resolution or channels, and for stages other
        than those of strides 4 to 32.
    """

    needs_image = True

    def __init__(self, offer: segzoo.FeatureSpec, stages: Sequence[int]) -> None:
        super().__init__(offer, stages)
        maps = [entry for entry in offer.native if entry > 0]
        width = _common_width(offer, maps)
        if unmade := sorted(set(stages) - {FINEST, *LEVELS}):
            raise segzoo.NegotiationError(
                f"vit_adapter makes stages {FINEST} to {LEVELS[-1]}, of strides 4 to 32, and the decoder takes stages "
                f"{unmade} too; take neck='simple_pyramid', or another depth"
            )
        self.spec = segzoo.FeatureSpec(
            offer.channels, tuple(2**entry if entry in stages else stride for entry, stride in enumerate(offer.strides))
        )
        self.queried = [*maps[:-1], *maps[-1:] * LAST_EXTRACTORS]
        self.prior = SpatialPrior(offer.channels[0])
        self.projections = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in WIDTHS[1:])
        self.level_embedding = nn.Parameter(torch.empty(len(LEVELS), width, 1, 1).normal_())
        self.extractors = nn.ModuleList(Extractor(width, _heads(width)) for _ in self.queried)
        self.finest = FinestStage(width) if FINEST in stages else None
        self.norms = nn.ModuleDict({str(stage): BatchNorm2d(width) for stage in stages})

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        stem, *prior = self.prior(features[0])
        levels = [project(level) for project, level in zip(self.projections, prior, strict=True)]
        sizes = [level.shape[-2:] for level in levels]
        centres = torch.cat([cell_centres(level) for level in levels], dim=1)
        tokens = as_tokens([level + own for level, own in zip(levels, self.level_embedding, strict=True)])
        for extract, entry in zip(self.extractors, self.queried, strict=True):
            tokens = extract(tokens, centres, sizes, features[entry])
        made = dict(zip(LEVELS, as_maps(tokens, sizes), strict=True))
        if self.finest is not None:
            made[FINEST] = self.finest(stem, made[LEVELS[0]])
        pyramid = list(features)
        for stage, norm in self.norms.items():
            level = made[int(stage)]
            pyramid[int(stage)] = norm(level + resize(features[int(stage)], level.shape[-2:]))
        return pyramid

    def no_weight_decay(self) -> set[str]:
        return {"level_embedding"}


class FinestStage(nn.Module):
    """What the stem saw at stride 4, and the tokens of stride 8 grown to it: (B, D, H_0, W_0)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(STEM_WIDTH, width, 1)
        self.up = nn.ConvTranspose2d(width, width, 2, stride=2)

    def forward(self, stem: Tensor, coarser: Tensor) -> Tensor:
        return self.project(stem) + resize(self.up(coarser), stem.shape[-2:])


def _common_width(offer: segzoo.FeatureSpec, maps: Sequence[int]) -> int:
    kinds = {(offer.channels[entry], offer.strides[entry]) for entry in maps}
    if len(kinds) != 1:
        raise segzoo.NegotiationError(
            "vit_adapter needs a plain transformer, whose maps have one resolution and one number of channels; this "
            f"encoder's have channels {offer.select(maps).channels} and strides {offer.select(maps).strides}; leave "
            "the neck out"
        )
    [(width, _)] = kinds
    return width


def _heads(width: int) -> int:
    """One for each 64 channels or more, as many as share them out."""
    return next(heads for heads in range(max(1, width // HEAD_WIDTH), 0, -1) if width % heads == 0)
