"""Every shipped decoder exports, on an encoder of each kind, and is right in its runtime at sizes that weren't traced.

`pytest -m slow -n 0 tests/export/test_grid.py` runs the whole grid.
"""

import pytest
import torch
from synthetic import synthetic

import segzoo

ENCODERS = ("resnet18", "mit_b0", "vit_tiny_patch16_224", "swin_tiny_patch4_window7_224")
ONE_SIZE = {"swin_tiny_patch4_window7_224": (160, 224)}
"""Those that docs/exporting.md has as exceptions: what they are exported for instead."""
TARGETS = {"onnx": ".onnx", "torch-export": ".pt2"}


def export(encoder, decoder, to, folder):
    torch.manual_seed(0)
    model = segzoo.create_model(encoder, decoder, classes=5)
    return segzoo.export(model, folder / f"model{TARGETS[to]}", to, size=ONE_SIZE.get(str(encoder)))


@pytest.mark.slow
@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", segzoo.list_decoders())
def test_a_decoder_is_right_wherever_it_is_exported_to(encoder, decoder, to, tmp_path):
    assert len(export(encoder, decoder, to, tmp_path).verified) == (2 if encoder in ONE_SIZE else 4)


def test_a_pyramid_of_poolings_is_right_where_a_map_is_a_single_pixel(tmp_path):
    assert export(synthetic("resnet"), "pan", "onnx", tmp_path).difference < 1e-3
