"""A timm model as a segzoo encoder."""

from __future__ import annotations

import segzoo
from torch import Tensor, nn

from segzoo_timm.extraction import extract, extract_with_class_token
from segzoo_timm.survey import Survey


class TimmEncoder(segzoo.Encoder):
    """Runs a timm model as far as its deepest map, and places the maps at their stages.

    :param body: a model of timm's; the layers that no map needs are dropped, the others keep their names.
    :param found: what was measured of it.
    """

    def __init__(self, body: nn.Module, found: Survey, preprocessing: segzoo.Preprocessing) -> None:
        super().__init__(found.spec, found.input_spec, preprocessing)
        self.indices = tuple(body.prune_intermediate_layers(list(found.indices), prune_norm=True, prune_head=True))
        self.body = body
        self.stages = found.stages
        self.layout = found.layout
        self.class_token = found.class_token

    def forward(self, image: Tensor) -> list[Tensor]:
        size = (image.shape[-2], image.shape[-1])
        if self.input_spec.fixed in (None, size):
            return self.complete(image, dict(zip(self.stages, self._maps(image), strict=True)))
        maps = self._maps(segzoo.nn.resize(image, self.input_spec.fixed))
        return self.complete(
            image,
            {
                stage: segzoo.nn.resize(each, self.spec.size(stage, size))
                for stage, each in zip(self.stages, maps, strict=True)
            },
        )

    def _maps(self, image: Tensor) -> list[Tensor]:
        if self.class_token:
            return extract_with_class_token(self.body, image, self.indices)
        return extract(self.body, image, self.indices, self.layout)
