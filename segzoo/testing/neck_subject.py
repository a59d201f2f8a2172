"""A neck as the subject of checks: between each encoder of the catalogue and a decoder that wants a pyramid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from segzoo.contract import FeatureSpec
from segzoo.creation import create_model
from segzoo.decoder import Decoder
from segzoo.errors import OptionError
from segzoo.host import registry
from segzoo.model import SegmentationModel
from segzoo.neck import Neck
from segzoo.nn.resize import resize
from segzoo.testing.cases import CLASSES, SIZE, Case, Subject, loaded
from segzoo.testing.catalogue import CATALOGUE, synthetic_encoder
from segzoo.testing.surroundings import Surroundings


class NeckSubject(Subject["NeckCase"]):
    """A neck, by name or class."""

    kind = "neck"

    def __init__(self, neck: str | type[Neck], options: Mapping[str, Any]) -> None:
        if isinstance(neck, str):
            self.provided = registry.find_neck(neck)
            neck = loaded(self.provided, Neck)
        if not (isinstance(neck, type) and issubclass(neck, Neck)):
            raise OptionError(f"a neck to check is a name or a segzoo.Neck class, got {neck!r}")
        if options:
            raise OptionError(f"a neck has no options that a plan could pass on, got {dict(options)}")
        self.neck = neck
        self.options = options
        self.case = cache(partial(NeckCase, neck))

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.neck, self.provided

    def cases(self) -> Iterator[NeckCase]:
        for pattern in CATALOGUE:
            try:
                yield self.case(pattern)
            except Exception:
                continue


class NeckCase(Case):
    """A neck between one encoder of the catalogue and a decoder that wishes for a pyramid."""

    def __init__(self, neck: type[Neck], pattern: str) -> None:
        self.where = f"with encoder {pattern!r}"
        self.pattern, self.neck = pattern, neck
        self.surroundings = Surroundings(pattern, _PyramidDecoder, neck=neck)
        self.plan = self.surroundings.plan

    def build(self) -> Neck:
        return self.neck(self.plan.encoder_spec, self.plan.neck_stages)

    def inputs(self, size: tuple[int, int] = SIZE, batch: int = 2, device: str = "cpu") -> list[Tensor]:
        return [torch.randn(shape, device=device) for shape in self.surroundings.encoded(size, batch)]

    def model(self) -> SegmentationModel:
        return create_model(synthetic_encoder(self.pattern), _PyramidDecoder, classes=CLASSES, neck=self.neck)


class _PyramidDecoder(Decoder):
    """Sums its maps at the finest: the least that needs a pyramid."""

    finest_stride = 2
    pyramid = True

    def __init__(self, stages: FeatureSpec) -> None:
        super().__init__(stages, out_channels=8)
        self.laterals = nn.ModuleList(nn.Conv2d(channels, 8, 1) for channels in stages.channels)

    def forward(self, features: list[Tensor]) -> Tensor:
        size = features[0].shape[-2:]
        levels = [resize(lateral(each), size) for lateral, each in zip(self.laterals, features, strict=True)]
        return torch.stack(levels).sum(dim=0)
