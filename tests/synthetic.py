"""The encoders that tests of single decoders use: some of the conformance kit's catalogue."""

from segzoo.testing import SyntheticEncoder as synthetic  # noqa: N813 - reads as what it makes

PATTERNS = ("resnet", "mit", "plain_vit", "patch_14", "dilated", "levit", "vgg", "few")

__all__ = ["PATTERNS", "synthetic"]
