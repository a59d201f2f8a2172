"""The catalogue: encoders without knowledge, of every pattern of strides that a decoder can meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from segzoo.contract import FeatureSpec, InputSpec, place_stages
from segzoo.encoder import Encoder
from segzoo.host.facts import IMAGE_CHANNELS
from segzoo.testing.transformer import SyntheticTransformer


@dataclass(frozen=True)
class Pattern:
    """An encoder of the catalogue, as data.

    :param spec: its feature list for an image of three channels; an entry 0 of three channels is the image itself.
    :param border: how much of its stride a map loses at the image's border: 0 keeps the last incomplete cell, just
        below 1 drops it, more is lost to convolutions without padding.
    """

    spec: FeatureSpec
    border: float = 0.0

    @classmethod
    def of(cls, *strides: int, step: int = 8, border: float = 0.0, blocks: int = 0) -> Pattern:
        """Of the strides of its native maps, fine to coarse; the rest are placeholders, as the contract places them.

        :param blocks: how many a decoder may drive.
        """
        stages = dict(zip(place_stages(strides) if strides else (), strides, strict=True))
        one_resolution = len(set(strides)) == 1
        channels = {stage: step * (4 if one_resolution else max(1, stage)) for stage in stages}
        entries = range(max(stages, default=0) + 1)
        return cls(
            FeatureSpec(
                channels=tuple(channels.get(entry, 0 if entry else IMAGE_CHANNELS) for entry in entries),
                strides=tuple(stages.get(entry, 2**entry) for entry in entries),
                blocks=blocks,
            ),
            border,
        )


CATALOGUE: Mapping[str, Pattern] = {
    "resnet": Pattern.of(2, 4, 8, 16, 32),
    "plain_vit": Pattern.of(16, 16, 16, 16),
    "mit": Pattern.of(4, 8, 16, 32),
    "vgg": Pattern.of(1, 2, 4, 8, 16, 32),
    "nest": Pattern.of(4, 8, 16),
    "visformer": Pattern.of(8, 16, 32),
    "selecsls": Pattern.of(2, 4, 8, 16, 32, 64),
    "fastvit": Pattern.of(4, 8, 16, 32, 64),
    "csatv2": Pattern.of(8, 16, 32, 64),
    "levit": Pattern.of(16, 32, 64),
    "patch_8": Pattern.of(8, 8, 8, 8),
    "patch_14": Pattern.of(14, 14, 14, 14),
    "patch_32": Pattern.of(32, 32, 32, 32),
    "convmixer": Pattern.of(7, 7, 7, 7),
    "pit": Pattern.of(7, 14, 28),
    "sequencer": Pattern.of(7, 14, 14, 14),
    "volo": Pattern.of(8, 16, 16, 16),
    "crossvit": Pattern.of(12, 12, 17, 17, 17),
    "dilated_16": Pattern.of(2, 4, 8, 16, 16),
    "dilated": Pattern.of(2, 4, 8, 8, 8),
    "dilated_mit": Pattern.of(4, 8, 8, 8),
    "two_of_stride_4": Pattern.of(4, 4, 8, 16, 32),
    "every_other": Pattern.of(2, 8, 32),
    "far_apart": Pattern.of(1, 16),
    "deepest_alone": Pattern.of(32),
    "one_block": Pattern.of(16),
    "few": Pattern.of(2, 4),
    "one_stage": Pattern.of(2),
    "image_alone": Pattern.of(),
    "odd_channels": Pattern.of(2, 4, 8, 16, 32, step=7),
    "rounding_down": Pattern.of(2, 4, 8, 16, 32, border=0.99),
    "valid_padding": Pattern.of(2, 4, 8, 16, 32, border=1.5),
    "driven_vit": Pattern.of(16, 16, 16, 16, blocks=12),
}
"""Every pattern of strides that timm has; then dilated ones, a stride twice, gaps, few stages, odd channels, sizes off
the grid, and a transformer whose blocks can be driven.

Named after an architecture that has it, where there is one. The first ones are those that single-encoder checks use.
"""


class SyntheticEncoder(Encoder):
    """An encoder as a pattern says: one strided convolution per map.

    :param pattern: of the catalogue, by name or not.
    :param in_channels: of the image.
    :param input_spec: the image sizes that it says it takes.
    """

    def __init__(
        self, pattern: str | Pattern = "resnet", in_channels: int = 3, input_spec: InputSpec | None = None
    ) -> None:
        pattern = CATALOGUE[pattern] if isinstance(pattern, str) else pattern
        finest, *deeper = pattern.spec.channels
        is_image = finest == IMAGE_CHANNELS
        super().__init__(FeatureSpec((in_channels if is_image else finest, *deeper), pattern.spec.strides), input_spec)
        self.border = pattern.border
        self.maps = nn.ModuleDict(
            {
                str(stage): nn.Conv2d(in_channels, self.spec.channels[stage], 1, stride=self.spec.strides[stage])
                for stage in self.spec.native
                if stage > 0 or not is_image
            }
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        maps = {}
        for stage, conv in self.maps.items():
            lost = int(self.border * self.spec.strides[int(stage)])
            maps[int(stage)] = conv(image[..., lost:, lost:])
        return self.complete(image, maps)


def synthetic_encoder(pattern: str) -> Encoder:
    """The encoder of a pattern of the catalogue: a transformer where it has blocks to drive."""
    spec = CATALOGUE[pattern].spec
    return SyntheticTransformer(spec) if spec.blocks else SyntheticEncoder(pattern)
