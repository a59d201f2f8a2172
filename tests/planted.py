"""A decoder that keeps its promises, and others that break one each."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import segzoo
from segzoo.nn import ConvNormAct, resize


class Honest(segzoo.Decoder):
    """Brings every map from stride 4 on to one width, and sums them at the finest."""

    finest_stride = 4

    def __init__(self, stages: segzoo.FeatureSpec, width: int = 8) -> None:
        super().__init__(stages, out_channels=width)
        self.laterals = nn.ModuleList(ConvNormAct(channels, width, kernel=1) for channels in stages.channels)

    def forward(self, features: list[Tensor]) -> Tensor:
        return self.summed(features, features[0].shape[-2:])

    def summed(self, features, size):
        maps = [resize(lateral(each), size) for lateral, each in zip(self.laterals, features, strict=True)]
        return torch.stack(maps).sum(dim=0)


class Classifying(Honest):
    emits = "logits"

    def __init__(self, stages: segzoo.FeatureSpec, classes: int) -> None:
        super().__init__(stages, width=classes)


class Querying(Honest):
    emits = "queries"

    def __init__(self, stages: segzoo.FeatureSpec, classes: int) -> None:
        super().__init__(stages)
        self.classify = nn.Linear(1, classes + 1)

    def forward(self, features):
        masks = super().forward(features)
        return masks, self.classify(masks.mean(dim=(2, 3))[..., None])


class SizedByIndex(Honest):
    def forward(self, features):
        height, width = features[-1].shape[-2:]
        growth = 2 ** (len(features) - 1)
        return self.summed(features, (height * growth, width * growth))


class UnusedLayer(Honest):
    def __init__(self, stages: segzoo.FeatureSpec) -> None:
        super().__init__(stages)
        self.forgotten = nn.Conv2d(8, 8, 1)


class WritingIntoItsInput(Honest):
    def forward(self, features):
        features[0].mul_(2)
        return super().forward(features)


class LyingNegotiation(Honest):
    """Takes placeholders, and doesn't say that it welcomes them."""

    @classmethod
    def negotiate(cls, offer, **options):
        first, *_, last = super().negotiate(offer).stages * 2
        return segzoo.Selection(stages=tuple(range(first, last + 1)))


class Forgetful(Honest):
    """Answers otherwise when asked again."""

    asked = 0

    @classmethod
    def negotiate(cls, offer, **options):
        cls.asked += 1
        stages = super().negotiate(offer).stages
        return segzoo.Selection(stages=stages if cls.asked % 2 else stages[-1:])


class SelectingWhatIsNot(Honest):
    @classmethod
    def negotiate(cls, offer, **options):
        return segzoo.Selection(stages=(len(offer),))


class RefusingWrongly(Honest):
    @classmethod
    def negotiate(cls, offer, **options):
        return segzoo.Selection(stages=(offer.strides.index(8),))


class RefusingAll(Honest):
    @classmethod
    def negotiate(cls, offer, **options):
        raise segzoo.NegotiationError("no encoder is good enough")


class OtherCoarserMaps(Honest):
    """Supervised at two coarser scales, of which it forgets one."""

    def __init__(self, stages: segzoo.FeatureSpec) -> None:
        super().__init__(stages)
        self.coarser_channels = (8, 8)

    def forward(self, features, coarser=False):
        output = super().forward(features)
        return (output, [output]) if coarser else output


class OtherChannels(Honest):
    def forward(self, features):
        return super().forward(features)[:, 1:]


class PooledBatchNorm(Honest):
    def __init__(self, stages: segzoo.FeatureSpec) -> None:
        super().__init__(stages)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, features):
        summed = super().forward(features)
        return summed + self.norm(summed.mean(dim=(2, 3), keepdim=True))


class LosingPrecision(Honest):
    def __init__(self, stages: segzoo.FeatureSpec) -> None:
        super().__init__(stages)
        self.last = nn.Conv2d(8, 8, 1)

    def forward(self, features):
        return (self.last(super().forward(features)) + 1000) - 1000


class OfOneLayout(Honest):
    def forward(self, features):
        summed = super().forward(features)
        return summed + features[0].view(len(summed), -1).mean(dim=1)[:, None, None, None]


class Random(Honest):
    def forward(self, features):
        return F.dropout(super().forward(features), training=True)


class CountingForwards(Honest):
    def __init__(self, stages: segzoo.FeatureSpec) -> None:
        super().__init__(stages)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, features):
        self.count += 1
        return super().forward(features)


class Unsaved(Honest):
    def __init__(self, stages: segzoo.FeatureSpec) -> None:
        super().__init__(stages)
        self.scale = torch.rand(())

    def forward(self, features):
        return super().forward(features) * self.scale


class OptionThatIsNoData(Honest):
    def __init__(self, stages: segzoo.FeatureSpec, act: type[nn.Module] = nn.ReLU) -> None:
        super().__init__(stages)


class OptionThatJSONChanges(Honest):
    def __init__(self, stages: segzoo.FeatureSpec, widths: tuple[int, ...] | list[int] = (8,)) -> None:
        super().__init__(stages, width=8 if widths == (8,) else 4)


class OnOneDevice(Honest):
    def __init__(self, stages: segzoo.FeatureSpec) -> None:
        super().__init__(stages)
        self.scale = nn.Parameter(torch.ones((), device="cpu"))


class EmptyParameters(Honest):
    placeholders = True

    def __init__(self, stages: segzoo.FeatureSpec) -> None:
        super().__init__(stages)
        self.scales = nn.ParameterList(torch.ones(channels) for channels in stages.channels)


class DecidingByValue(Honest):
    def forward(self, features):
        summed = super().forward(features)
        return summed if summed.sum().item() > 0 else -summed


class DecidingBySize(Honest):
    def forward(self, features):
        summed = super().forward(features)
        return summed if summed.shape[-2] > 20 else -summed


class WithoutONNX(Honest):
    def forward(self, features):
        return torch.special.bessel_j0(super().forward(features))


class ReadingItsChild(Honest):
    def forward(self, features):
        return super().forward(features) * self.laterals[0].conv.weight.mean()


class SkippingAChild(Honest):
    """Computes by itself what a child is there for."""

    def __init__(self, stages: segzoo.FeatureSpec) -> None:
        super().__init__(stages)
        self.last = nn.ReLU()

    def forward(self, features):
        summed = super().forward(features)
        return self.last(summed) if self.training else summed.relu()


class Doubling(torch.autograd.Function):
    """Of the old kind, which function transforms can't pass."""

    @staticmethod
    def forward(ctx, features):
        return features * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2


class WithoutTransforms(Honest):
    def forward(self, features):
        return Doubling.apply(super().forward(features))
