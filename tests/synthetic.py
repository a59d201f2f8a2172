"""The encoders that tests of single decoders use: some of the conformance kit's catalogue."""

from collections.abc import Iterable
from typing import Any

import pytest
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

DIFFERENT = (
    *("unet", "fpn", "segformer", "deeplabv3plus"),
    "nnunet",  # transposed convolutions, instance norms
    "dpt",  # maps of one resolution, with the class token
    "pidnet",  # logits of its own beside the main ones
    "emanet",  # buffers that training moves
    *("ocrnet", "mask2former"),  # logits, queries
    "pointrend",  # around another decoder
    "eomt",  # drives the encoder's blocks
)
"""Decoders of every kind, with which the default run tests what the core does with any decoder."""


def slow_unless_different(decoder: str) -> Iterable[pytest.MarkDecorator]:
    """Marks of a test of what the core does with a decoder: `slow` where the default run has another of its kind."""
    return [] if decoder in DIFFERENT else [pytest.mark.slow]


def parameters(decoders: Iterable[str]) -> list[Any]:
    """Decoders to parametrise such a test over."""
    return [pytest.param(decoder, marks=slow_unless_different(decoder)) for decoder in decoders]


EVERY_DECODER = parameters(segzoo.list_decoders())

SMALL = {
    "mask2former": {"width": 64, "queries": 9, "layers": 3, "encoder_layers": 1, "hidden": 64, "encoder_hidden": 64},
    "knet": {"inner_options": {"width": 64}, "hidden": 64, "steps": 1},
    "maskformer": {"width": 64, "queries": 9, "layers": 2, "hidden": 64},
    "pem": {"width": 64, "pixel_width": 32, "queries": 9, "layers": 3, "hidden": 64},
    "pointrend": {"inner_options": {"width": 64}, "width": 32},
    "sapiens2": {"grow_widths": [32, 16, 8, 8], "widths": [8, 8]},
    "segvit": {"layers": 1},
    **{
        name: {"width": 32}
        for name in (
            *("ann", "apcnet", "ccnet", "danet", "dmnet", "dnl", "emanet", "encnet", "gcnet", "nonlocal"),
            *("dpt", "setr_mla", "setr_pup", "upernet"),
        )
    },
    "isanet": {"width": 32, "key_width": 16, "window": 2},
    "pmd": {"width": 64, "queries": 9, "blocks": 2},
    "unet3plus": {"width": 16},
    "vwformer": {"width": 64, "low_width": 16, "heads": 4},
}
"""Options of decoders that take long by default, for tests of what they have in common with the others."""


def small(decoder: str) -> dict[str, Any]:
    """Options with which a decoder takes little time."""
    return SMALL.get(decoder, {})


def partner(decoder: str) -> str | nn.Module:
    """A small encoder that a decoder goes with."""
    return "test_vit" if decoder in DRIVING else synthetic()


__all__ = [
    *("DENSE", "DIFFERENT", "DRIVING", "EVERY_DECODER", "OF_MAPS", "PATTERNS", "SMALL"),
    *("parameters", "partner", "slow_unless_different", "small", "synthetic"),
]
