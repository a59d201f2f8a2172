"""Encoders that ship with segzoo keep their promises: Mix Transformers, and some of timm's of every kind."""

import pytest

from segzoo.testing import Check, checks

ENCODERS = [
    *("mit_b0", "resnet18", "test_vit"),
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("test_convnext", "levit_128s", "swin_tiny_patch4_window7_224")
    ),
]


@pytest.mark.parametrize("check", checks("encoder"), ids=str)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_it_keeps_its_promises(encoder: str, check: Check) -> None:
    check(encoder)
