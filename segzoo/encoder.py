"""The encoder's side of the contract: an image in, a feature list of fixed depth out."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

from torch import Tensor, nn

from segzoo.contract import FeatureSpec, InputSpec, grid_size
from segzoo.preprocessing import Preprocessing

Pretrained = bool | str | PathLike[str]


class Encoder(nn.Module):
    """Base of encoders, and their contract: `forward` returns what `spec` declares.

    A subclass passes its spec to `super().__init__` and ends its `forward` with `complete`, which puts the image in
    entry 0 and placeholders where a resolution is lacking::

        class Tiny(segzoo.Encoder):
            def __init__(self, in_channels=3):
                super().__init__(segzoo.FeatureSpec(channels=(in_channels, 0, 32), strides=(1, 2, 4)))
                self.patches = nn.Conv2d(in_channels, 32, kernel_size=4, stride=4)

            def forward(self, image):
                return self.complete(image, {2: self.patches(image)})

    Any other module with a `spec` and such a `forward` serves as well. The spec is held against a forward on the meta
    device when the model is built.
    """

    spec: FeatureSpec
    input_spec: InputSpec
    preprocessing: Preprocessing

    def __init__(
        self,
        spec: FeatureSpec,
        input_spec: InputSpec | None = None,
        preprocessing: Preprocessing | None = None,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.input_spec = input_spec or InputSpec()
        self.preprocessing = preprocessing or Preprocessing()

    def forward(self, image: Tensor) -> list[Tensor]:
        """Compute the feature list.

        :param image: (B, in_channels, H, W).
        :returns: one map per entry of the spec: (B, channels, h, w), of the image's dtype and on its device.
        """
        raise NotImplementedError

    def complete(self, image: Tensor, features: Mapping[int, Tensor]) -> list[Tensor]:
        """The full list: the given maps by stage, the image in entry 0 if none stands there, placeholders elsewhere."""
        return [
            features[entry] if entry in features else image if entry == 0 else placeholder(image, stride)
            for entry, stride in enumerate(self.spec.strides)
        ]


def placeholder(image: Tensor, stride: int) -> Tensor:
    """A map without channels that stands for a resolution that an encoder lacks: (B, 0, H / stride, W / stride)."""
    height, width = grid_size((image.shape[-2], image.shape[-1]), stride)
    return image.new_zeros(image.shape[0], 0, height, width)
