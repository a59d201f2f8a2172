"""The encoder source: every architecture of timm, by the names that timm's own `create_model` takes."""

from __future__ import annotations

import torch
from torch import nn

import segzoo
from segzoo_timm.building import build
from segzoo_timm.encoder import TimmEncoder
from segzoo_timm.index import TimmIndex
from segzoo_timm.known import with_family
from segzoo_timm.survey import survey
from segzoo_timm.tokens import encoder_of
from segzoo_timm.weights import build_with_weights, load_projection


class TimmSource(TimmIndex, segzoo.EncoderSource):
    """All of timm: architectures (`resnet50`), tagged (`resnet50.a1_in1k`), of a hub (`hf-hub:...`) or a folder.

    A request's options go to timm's `create_model` (`drop_path_rate=0.1`).
    """

    def facts(self, name: str) -> segzoo.EncoderFacts:
        return with_family(super().facts(name))

    def create(self, name: str, request: segzoo.EncoderRequest, pretrained: segzoo.Pretrained = False) -> TimmEncoder:
        found = survey(name, request)
        channels = 3 if found.colours_only else request.in_channels
        weights = pretrained if torch.get_default_device().type != "meta" else False  # where there are none to fill
        body = build_with_weights(name, channels, found, weights) if weights else build(name, channels, found.arguments)
        config = body.pretrained_cfg
        preprocessing = segzoo.Preprocessing(tuple(config["mean"]), tuple(config["std"]))
        preprocessing = preprocessing.for_channels(request.in_channels)
        projected = request.in_channels if request.in_channels != channels else None
        encoder = encoder_of(body, found, preprocessing, projected)
        if not isinstance(weights, bool) and isinstance(encoder.colours, nn.Conv2d):
            load_projection(encoder.colours, weights)
        return encoder
