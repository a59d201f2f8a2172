"""An encoder, or a neck, that breaks a promise fails the check of that promise."""

import pytest
from torch import nn

import segzoo
from segzoo.testing import ConformanceError, Pattern, SyntheticEncoder, checks

ENCODER = {each.name: each for each in checks("encoder")}
NECK = {each.name: each for each in checks("neck")}


class Lying(SyntheticEncoder):
    def __init__(self, in_channels: int = 3) -> None:
        super().__init__("mit", in_channels)
        self.spec = segzoo.FeatureSpec((*self.spec.channels[:-1], 41), self.spec.strides)


class OfDouble(SyntheticEncoder):
    def forward(self, image):
        return [feature.double() for feature in super().forward(image)]


class WithRoundedPlaceholders(SyntheticEncoder):
    def forward(self, image):
        features = super().forward(image)
        return [feature[..., 1:, :] if not feature.shape[1] else feature for feature in features]


class OfAnotherDepth(SyntheticEncoder):
    def __init__(self, in_channels: int = 3, depth: int | None = None) -> None:
        super().__init__("mit", in_channels)


class OfColoursAlone(SyntheticEncoder):
    def __init__(self, in_channels: int = 3) -> None:
        super().__init__("mit", 3)


class Normalising(SyntheticEncoder):
    def forward(self, image):
        return super().forward(image.sub_(0.5))


@pytest.mark.parametrize(
    ("fault", "name", "told"),
    [
        (Lying, "spec", "stage 5: declared 41 channels"),
        (OfDouble, "placeholders", "float64"),
        (WithRoundedPlaceholders("mit"), "placeholders", "entry 1 of an image of 79x65"),
        (OfAnotherDepth, "depth", "asked for depth 1, it has depth 5"),
        (OfColoursAlone, "in_channels", "for 1 channels"),
        (Normalising, "untouched_inputs", "writes into input 0"),
    ],
)
def test_an_encoder_s_fault_is_found(fault: type[segzoo.Encoder] | segzoo.Encoder, name: str, told: str) -> None:
    with pytest.raises(ConformanceError, match=told):
        ENCODER[name](fault)


@pytest.mark.parametrize("encoder", [SyntheticEncoder, SyntheticEncoder("plain_vit")], ids=["class", "module"])
def test_an_honest_encoder_fails_no_check(encoder: type[segzoo.Encoder] | segzoo.Encoder) -> None:
    assert [result for each in ENCODER.values() if (result := each.run(encoder)).failed] == []


def test_an_encoder_s_options_are_its_own() -> None:
    pattern = Pattern.of(4, 8)
    assert ENCODER["spec"](SyntheticEncoder, options={"pattern": pattern}).status == "pass"


class Doubling(segzoo.Neck):
    """Projects every stage that it is asked for, and halves nothing."""

    def __init__(self, offer: segzoo.FeatureSpec, stages: tuple[int, ...]) -> None:
        super().__init__(offer, stages)
        channels = tuple(8 if stage in stages else each for stage, each in enumerate(offer.channels))
        self.spec = segzoo.FeatureSpec(channels, offer.strides)
        self.project = nn.ModuleDict({str(stage): nn.Conv2d(offer.channels[stage], 8, 1) for stage in stages})

    def forward(self, features):
        return [
            self.project[str(stage)](feature) if str(stage) in self.project else feature
            for stage, feature in enumerate(features)
        ]


class DeclaringOtherwise(Doubling):
    def __init__(self, offer: segzoo.FeatureSpec, stages: tuple[int, ...]) -> None:
        super().__init__(offer, stages)
        self.spec = segzoo.FeatureSpec(self.spec.channels, tuple(2**stage for stage in range(len(offer))))


class Writing(Doubling):
    def forward(self, features):
        features[-1].mul_(2)
        return super().forward(features)


class ReadingTheImage(Doubling):
    """Brightens what it makes where the image is bright, and doesn't say that it needs the image."""

    def forward(self, features):
        brightness = features[0].mean(dim=(1, 2, 3), keepdim=True)
        return [features[0], *(feature * brightness for feature in super().forward(features)[1:])]


class SayingSo(ReadingTheImage):
    needs_image = True


class WithoutNeed(Doubling):
    needs_image = True


@pytest.mark.parametrize("honest", [Doubling, SayingSo])
def test_an_honest_neck_fails_no_check(honest: type[segzoo.Neck]) -> None:
    results = [each.run(honest) for each in NECK.values() if not each.slow]
    assert [result for result in results if result.failed] == []


@pytest.mark.parametrize(
    ("fault", "name", "told"),
    [
        (DeclaringOtherwise, "spec", "declared 8 channels at stride"),
        (Writing, "untouched_inputs", "writes into input"),
        (ReadingTheImage, "image", "say `needs_image = True`"),
        (WithoutNeed, "image", "its maps don't depend on the image"),
    ],
)
def test_a_neck_s_fault_is_found(fault: type[segzoo.Neck], name: str, told: str) -> None:
    with pytest.raises(ConformanceError, match=told):
        NECK[name](fault)
