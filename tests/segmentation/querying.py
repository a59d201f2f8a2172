"""Decoders of queries, as small as can be."""

from __future__ import annotations

import torch
from synthetic import synthetic
from torch import Tensor, nn

import segzoo

QUERIES = 7


class Querying(segzoo.Decoder):
    """Seven queries: their masks from the finest map, their classes learnt."""

    finest_stride = 4
    emits = "queries"

    def __init__(self, stages: segzoo.FeatureSpec, classes: int) -> None:
        super().__init__(stages, out_channels=classes)
        self.masks = nn.Conv2d(stages.channels[0], QUERIES, 1)
        self.classes = nn.Parameter(torch.zeros(QUERIES, classes + 1))

    def forward(self, features: list[Tensor]) -> segzoo.Queries:
        masks = self.masks(features[0])
        return segzoo.Queries(masks, self.classes.expand(masks.shape[0], -1, -1))


class SemanticAlone(Querying):
    tasks = ("semantic",)


def querying(
    decoder: type[segzoo.Decoder] = Querying, multiple: int = 1, **options: object
) -> segzoo.SegmentationModel:
    """A model whose queries are all different."""
    torch.manual_seed(0)
    options = {"classes": 4} | options if "heads" not in options else options
    encoder = synthetic("resnet", input_spec=segzoo.InputSpec(multiple=multiple))
    model = segzoo.create_model(encoder, decoder, **options).eval()
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.normal_(std=3)
    return model
