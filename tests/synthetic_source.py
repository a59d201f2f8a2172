"""An encoder source made for tests: some of its encoders dilate, have a class token, refuse, or lie."""

from __future__ import annotations

from collections.abc import Sequence

import segzoo
from segzoo.testing import CATALOGUE, Pattern, SyntheticEncoder

ENCODERS = {
    "convolutional": "resnet",
    "pyramid": "mit",
    "plain": "plain_vit",
    "own_finest": "vgg",
}
INPUTS = {
    "pyramid": segzoo.InputSpec(multiple=32, minimum=16),
    "plain": segzoo.InputSpec(fixed=(64, 64)),
}


class SyntheticSource(segzoo.EncoderSource):
    """`convolutional` dilates to 8 and 16, `plain` has a class token, and `lying` declares what it doesn't do."""

    created: list[tuple[str, segzoo.EncoderRequest]]

    def __init__(self) -> None:
        self.created = []

    def names(self) -> Sequence[str]:
        return [*ENCODERS, "lying"]

    def create(
        self, name: str, request: segzoo.EncoderRequest, pretrained: segzoo.Pretrained = False
    ) -> segzoo.Encoder:
        self.created.append((name, request))
        if name == "lying":
            encoder = SyntheticEncoder("resnet", request.in_channels)
            encoder.spec = segzoo.FeatureSpec((*encoder.spec.channels[:-1], 41), encoder.spec.strides)
            return encoder
        spec = CATALOGUE[ENCODERS[name]].spec
        channels, strides = spec.channels, spec.strides
        if request.output_stride:
            if name != "convolutional":
                raise segzoo.NegotiationError(f"{name} can't be dilated to stride {request.output_stride}")
            strides = tuple(min(stride, request.output_stride) for stride in strides)
        if request.prefix:
            if name != "plain":
                raise segzoo.NegotiationError(f"{name} has no class token")
            channels = tuple(channel * 2 if stage > 0 else channel for stage, channel in enumerate(channels))
        pattern = Pattern(segzoo.FeatureSpec(channels, strides))
        return Resized(pattern, request.in_channels, INPUTS.get(name))


class Resized(SyntheticEncoder):
    """Resizes the image where it takes one size alone, and its maps back."""

    def forward(self, image):
        size = self.input_spec.fixed
        if size is None:
            return super().forward(image)
        maps = super().forward(segzoo.nn.resize(image, size))
        sizes = [self.spec.size(stage, tuple(image.shape[-2:])) for stage in range(len(self.spec))]
        return [image, *(segzoo.nn.resize(each, size) if each.shape[1] else image.new_zeros(len(image), 0, *size)
                         for each, size in zip(maps[1:], sizes[1:], strict=True))]  # fmt: skip
