"""Every shipped decoder exports, on an encoder of each kind, and is right in its runtime at sizes that weren't traced.

`pytest -n 0 -m "slow or exhaustive" tests/export/test_grid.py` runs the whole grid.
"""

import pytest
from synthetic import DRIVING, OF_MAPS, small

import segzoo
from segzoo.exporting.deployed import Deployed
from segzoo.exporting.exporting import describe
from segzoo.exporting.targets import find_target
from segzoo.exporting.tracing import Axes, trace, traced_size
from segzoo.exporting.verification import shapes, verify

TRANSFORMER = "vit_tiny_patch16_224"
ENCODERS = ("mit_b0", TRANSFORMER, "swin_tiny_patch4_window7_224")
ONE_SIZE = {"swin_tiny_patch4_window7_224": (96, 160)}
"""The encoder that docs/exporting.md has as an exception: what it is exported for instead."""
FIRST = ("unet", "setr_mla", "ddrnet")  # the slow tests': half a minute each, and the kit exports every decoder


def marks(encoder: str, decoder: str) -> list[pytest.MarkDecorator]:
    first = encoder == "resnet18" and decoder in FIRST
    return [pytest.mark.slow if first else pytest.mark.exhaustive]


PAIRS = [
    *((encoder, decoder) for encoder in ("resnet18", *ENCODERS) for decoder in OF_MAPS),
    *((TRANSFORMER, decoder) for decoder in DRIVING),
]


@pytest.mark.parametrize(("encoder", "decoder"), [pytest.param(*pair, marks=marks(*pair)) for pair in PAIRS])
def test_a_decoder_is_right_wherever_it_is_exported_to(encoder, decoder, tmp_path):
    model = segzoo.create_model(encoder, decoder, classes=5, decoder_options=small(decoder)).eval()
    axes = Axes(size=ONE_SIZE.get(encoder))
    manifest = describe(model, "onnx", axes, "float32", normalises=False, classifies=False)
    deployed = Deployed(segzoo.optimize(model), manifest)
    traced = traced_size(model.plan, axes)
    program = trace(deployed, axes, traced)  # once for both targets: it takes longest
    inputs = shapes(model.plan, axes)
    assert axes.size or len({shape[1:] for shape in inputs} - {traced}) >= 3
    for name, file in (("onnx", "model.onnx"), ("torch-export", "model.pt2")):
        target = find_target(name)
        target.write(program, manifest, axes, tmp_path / file)
        run = target.open(tmp_path / file)
        for shape in inputs:
            assert verify(run, model, deployed, shape).difference < 1e-3
