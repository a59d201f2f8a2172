"""The encoder source: every architecture of timm, by the names that timm's own `create_model` takes."""

from __future__ import annotations

from collections.abc import Sequence

import segzoo
import timm
import torch
from timm.models import is_model, parse_model_name

from segzoo_timm.encoder import TimmEncoder
from segzoo_timm.survey import build, survey
from segzoo_timm.weights import build_with_weights


class TimmSource(segzoo.EncoderSource):
    """All of timm: architectures (`resnet50`), tagged (`resnet50.a1_in1k`), of a hub (`hf-hub:...`) or a folder.

    A request's options go to timm's `create_model` (`drop_path_rate=0.1`).
    """

    def names(self) -> Sequence[str]:
        return timm.list_models()

    def resolves(self, name: str) -> bool:
        try:
            origin, model = parse_model_name(name)
        except ValueError:
            return False
        return origin is not None or is_model(model)

    def create(self, name: str, request: segzoo.EncoderRequest, pretrained: segzoo.Pretrained = False) -> TimmEncoder:
        found = survey(name, request)
        weightless = torch.get_default_device().type == "meta"
        body = (
            build_with_weights(name, request.in_channels, found, pretrained)
            if pretrained and not weightless
            else build(name, request.in_channels, found.arguments)
        )
        config = body.pretrained_cfg
        preprocessing = segzoo.Preprocessing(tuple(config["mean"]), tuple(config["std"]))
        return TimmEncoder(body, found, preprocessing.for_channels(request.in_channels))
