"""The encoder source: every architecture of timm, by the names that timm's own `create_model` takes."""

from __future__ import annotations

from collections.abc import Sequence

import segzoo
import timm
from timm.models import is_model, parse_model_name

from segzoo_timm.encoder import TimmEncoder
from segzoo_timm.survey import build, survey


class TimmSource(segzoo.EncoderSource):
    """All of timm."""

    def names(self) -> Sequence[str]:
        return timm.list_models()

    def resolves(self, name: str) -> bool:
        try:
            origin, model = parse_model_name(name)
        except ValueError:
            return False
        return origin is not None or is_model(model)

    def create(
        self, name: str, request: segzoo.EncoderRequest, pretrained: segzoo.Pretrained = False
    ) -> TimmEncoder:
        found = survey(name, request)
        body = build(name, request.in_channels, found.arguments)
        config = body.pretrained_cfg
        body.prune_intermediate_layers(list(found.indices), prune_norm=True, prune_head=True)
        preprocessing = segzoo.Preprocessing(tuple(config["mean"]), tuple(config["std"]))
        return TimmEncoder(body, found, preprocessing.for_channels(request.in_channels))
