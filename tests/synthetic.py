"""Encoders made for tests: any strides and channels, one strided convolution per map."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

import segzoo

RESNET = ((3, 8, 16, 24, 32, 40), (1, 2, 4, 8, 16, 32))
MIT = ((3, 0, 16, 24, 32, 40), (1, 2, 4, 8, 16, 32))
PLAIN_VIT = ((3, 0, 32, 32, 32, 32), (1, 2, 16, 16, 16, 16))
PATCH_14 = ((3, 0, 32, 32, 32, 32), (1, 2, 14, 14, 14, 14))
DILATED = ((3, 8, 16, 24, 32, 40), (1, 2, 4, 8, 8, 8))
LEVIT = ((3, 0, 0, 0, 16, 24, 32), (1, 2, 4, 8, 16, 32, 64))
VGG = ((8, 8, 16, 24, 32, 40), (1, 2, 4, 8, 16, 32))
FEW = ((3, 8, 16), (1, 2, 4))
PATTERNS = {
    "resnet": RESNET,
    "mit": MIT,
    "plain_vit": PLAIN_VIT,
    "patch_14": PATCH_14,
    "dilated": DILATED,
    "levit": LEVIT,
    "vgg": VGG,
    "few": FEW,
}


class Synthetic(segzoo.Encoder):
    """A map at each entry with channels, as wide and as strided as declared."""

    def __init__(
        self,
        channels: Sequence[int] = RESNET[0],
        strides: Sequence[int] = RESNET[1],
        in_channels: int = 3,
        input_spec: segzoo.InputSpec | None = None,
    ) -> None:
        spec = segzoo.FeatureSpec((in_channels if channels[0] == 3 else channels[0], *channels[1:]), tuple(strides))
        super().__init__(spec, input_spec)
        first = 1 if channels[0] == 3 else 0
        self.maps = nn.ModuleDict(
            {
                str(stage): nn.Conv2d(in_channels, spec.channels[stage], 1, stride=spec.strides[stage])
                for stage in spec.native
                if stage >= first
            }
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        return self.complete(image, {int(stage): conv(image) for stage, conv in self.maps.items()})


def synthetic(pattern: str, **options: object) -> Synthetic:
    channels, strides = PATTERNS[pattern]
    return Synthetic(channels, strides, **options)  # type: ignore[arg-type]
