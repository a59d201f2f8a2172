"""The encoders that tests of single decoders use: some of the conformance kit's catalogue."""

from torch import nn

import segzoo
from segzoo.host import registry
from segzoo.testing import SyntheticEncoder as synthetic  # noqa: N813 - reads as what it makes

PATTERNS = ("resnet", "mit", "plain_vit", "patch_14", "dilated", "levit", "vgg", "few")
DRIVING = ("eomt",)
"""Decoders that drive an encoder's last blocks themselves, which plain transformers alone let them do."""
OF_MAPS = [name for name in segzoo.list_decoders() if name not in DRIVING]
"""The others, which any encoder goes with."""
DENSE = [name for name in OF_MAPS if registry.find_decoder(name).load().emits != "queries"]


SMALL = {
    "mask2former": {"width": 64, "queries": 9, "layers": 3, "encoder_layers": 1, "hidden": 64, "encoder_hidden": 64},
    "maskformer": {"width": 64, "queries": 9, "layers": 2, "hidden": 64},
    "pem": {"width": 64, "pixel_width": 32, "queries": 9, "layers": 3, "hidden": 64},
    "segvit": {"layers": 1},
    **{name: {"width": 32} for name in ("ann", "apcnet", "ccnet", "danet", "dmnet", "dnl", "emanet", "encnet")},
    "gcnet": {"width": 32},
    "isanet": {"width": 32, "key_width": 16, "window": 2},
    "nonlocal": {"width": 32},
}
"""Options of decoders that take long by default, for tests of what they have in common with the others."""


def small(decoder: str) -> dict[str, int]:
    """Options with which a decoder takes little time."""
    return SMALL.get(decoder, {})


def partner(decoder: str) -> str | nn.Module:
    """A small encoder that a decoder goes with."""
    return "test_vit" if decoder in DRIVING else synthetic()


__all__ = ["DENSE", "DRIVING", "OF_MAPS", "PATTERNS", "SMALL", "partner", "small", "synthetic"]
