"""A timm model as a segzoo encoder."""

from __future__ import annotations

import segzoo
from torch import Tensor, nn

from segzoo_timm.extraction import extract, extract_with_class_token
from segzoo_timm.survey import Survey


class TimmEncoder(segzoo.Encoder):
    """Runs a timm model as far as its deepest map, and places the maps at their stages.

    :param body: the model, without the layers that no map needs; its weights keep timm's names.
    :param survey: what was measured of it.
    """

    def __init__(self, body: nn.Module, survey: Survey, preprocessing: segzoo.Preprocessing) -> None:
        super().__init__(survey.spec, survey.input_spec, preprocessing)
        self.body = body
        self.indices = survey.indices
        self.stages = survey.stages
        self.layout = survey.layout
        self.class_token = survey.class_token

    def forward(self, image: Tensor) -> list[Tensor]:
        fixed = self.input_spec.fixed
        resized = image if fixed in (None, tuple(image.shape[-2:])) else segzoo.nn.resize(image, fixed)
        maps = (
            extract_with_class_token(self.body, resized, self.indices)
            if self.class_token
            else extract(self.body, resized, self.indices, self.layout)
        )
        features = dict(zip(self.stages, maps, strict=True))
        if resized is not image:
            size = (image.shape[-2], image.shape[-1])
            features = {stage: segzoo.nn.resize(each, self.spec.size(stage, size)) for stage, each in features.items()}
        return self.complete(image, features)
