"""A timm model as a segzoo encoder."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import segzoo
from segzoo_timm.extraction import Body, extract, extract_with_class_token
from segzoo_timm.survey import Survey


class TimmEncoder(segzoo.Encoder):
    """Runs a timm model as far as its deepest map, and places the maps at their stages.

    :param body: a model of timm's; the layers that no map needs are dropped, the others keep their names.
    :param found: what was measured of it.
    :param projected: channels of the image, where the model takes three only and they are projected to three.
    """

    def __init__(
        self, body: Body, found: Survey, preprocessing: segzoo.Preprocessing, projected: int | None = None
    ) -> None:
        super().__init__(found.spec, found.input_spec, preprocessing)
        self.colours = _projection(projected) if projected else nn.Identity()
        self.indices = tuple(body.prune_intermediate_layers(list(found.indices), prune_norm=True, prune_head=True))
        self.body = body
        self.stages = found.stages
        self.layout = found.layout
        self.class_token = found.class_token

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        try:
            self.body.set_grad_checkpointing(enable)
        except AssertionError as refusal:  # timm's way to say that an architecture can't
            raise segzoo.OptionError(
                f"timm's {type(self.body).__name__} has no gradient checkpointing: leave it off or take another encoder"
            ) from refusal

    def no_weight_decay(self) -> set[str]:
        names = self.body.no_weight_decay() if hasattr(self.body, "no_weight_decay") else ()
        return {f"body.{name}" for name in names}

    def group_matcher(self, coarse: bool = False) -> segzoo.Matcher:
        return segzoo.prefix_matcher(self.body.group_matcher(coarse=coarse), "body.")

    def forward(self, image: Tensor) -> list[Tensor]:
        size = (image.shape[-2], image.shape[-1])
        fixed = self.input_spec.fixed
        if fixed is None or fixed == size:
            return self.complete(image, self._maps(image))
        maps = self._maps(segzoo.nn.resize(image, fixed))
        return self.complete(
            image, {stage: segzoo.nn.resize(each, self.spec.size(stage, size)) for stage, each in maps.items()}
        )

    def _maps(self, image: Tensor) -> dict[int, Tensor]:
        image = self.colours(image)
        maps = (
            extract_with_class_token(self.body, image, self.indices)
            if self.class_token
            else extract(self.body, image, self.indices, self.layout)
        )
        return dict(zip(self.stages, maps, strict=True))


def _projection(channels: int) -> nn.Conv2d:
    """From some channels to three colours, at first each colour the average of the channels that take turns at it."""
    projection = nn.Conv2d(channels, 3, kernel_size=1, bias=False)
    with torch.no_grad():
        projection.weight.zero_()
        for turn in range(max(3, channels)):
            projection.weight[turn % 3, turn % channels] = 1
        projection.weight /= projection.weight.sum(dim=1, keepdim=True)
    return projection
