"""Quantised models segment the demo's scenes nearly as well as they did."""

import numpy as np
import pytest
from PIL import Image

import segzoo
from segzoo.demo import run
from segzoo.demo.scenes import CLASSES, scene
from segzoo.host.pair_names import PairName

SCENES = 256
STEPS = 360
"""Of training, as in the demo: the digits are told apart then."""


def miou(path, scenes):
    segmenter = segzoo.runtime.load(path)
    confusion = np.zeros((len(CLASSES), len(CLASSES)), int)
    for each in scenes:
        np.add.at(confusion, (each.mask, segmenter.predict(each.picture)), 1)
    hit = np.diag(confusion)
    return (hit / (confusion.sum(0) + confusion.sum(1) - hit)).mean()


@pytest.mark.exhaustive
@pytest.mark.parametrize("pair", ["resnet18+fpn", "resnet18+unet"])
def test_static_int8_keeps_the_scores(pair, tmp_path):
    (trained,) = run([PairName(*pair.split("+"))], steps=STEPS, output=tmp_path / "demo", quiet=True)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(64):
        Image.fromarray(scene("train", number).picture).save(pictures / f"{number}.png")
    scenes = [scene("val", number) for number in range(SCENES)]
    segzoo.export(trained.model, tmp_path / "full.onnx")
    segzoo.export(trained.model, tmp_path / "int8.onnx", calibration=pictures)
    assert miou(tmp_path / "int8.onnx", scenes) >= miou(tmp_path / "full.onnx", scenes) - 0.02
