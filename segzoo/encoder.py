"""The encoder's side of the contract: an image in, a feature list of fixed depth out."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike

from torch import Tensor, nn

from segzoo.contract import FeatureSpec, InputSpec, grid_size
from segzoo.errors import OptionError
from segzoo.layer_groups import Matcher
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

    `set_grad_checkpointing`, `no_weight_decay` and `group_matcher` are for training, and mean what they mean in timm.
    An encoder need not have them. Their names and patterns are relative to the encoder.
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

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Recompute blocks in the backward pass instead of keeping their activations: less memory, more time.

        :raises OptionError: for an encoder that can't, such as one that doesn't override this.
        """
        if enable:
            raise OptionError(
                f"{type(self).__name__} has no gradient checkpointing: leave it off or take another encoder"
            )

    def no_weight_decay(self) -> set[str]:
        """Parameters that weight decay harms, such as position embeddings; biases and norms need no mention.

        :returns: names, or patterns as `fnmatch` has them.
        """
        return set()

    def group_matcher(self, coarse: bool = False) -> Matcher:
        """The layers in the order in which an image meets them, for learning rates that decay from layer to layer.

        :param coarse: group by stage rather than by block.
        :returns: what timm's `group_parameters` takes. What it doesn't match comes last, so an empty one is one layer.
        """
        return {}

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
