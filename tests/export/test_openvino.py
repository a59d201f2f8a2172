"""OpenVINO, where it is installed."""

import numpy as np
import pytest
import torch
from PIL import Image

import segzoo

pytestmark = pytest.mark.slow
openvino = pytest.importorskip("openvino")


def test_it_gives_the_model_s_logits_and_runs_without_torch_s_help(model, tmp_path):
    exported = segzoo.export(model, tmp_path / "model.xml", "openvino")
    assert (tmp_path / "model.bin").is_file()
    segmenter = segzoo.runtime.load(exported.path)
    assert segmenter.labels == model.labels
    picture = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = model(model.preprocessing(picture)[None])[0].numpy()
    np.testing.assert_allclose(segmenter.logits(picture), expected, rtol=1e-3, atol=1e-3)


def test_an_antialiased_resize_is_found_out_named_and_right_for_one_size(tmp_path):
    model = segzoo.create_model("vit_tiny_patch16_224", "linear", classes=5)
    with pytest.raises(segzoo.ExportError, match=r"_upsample_bicubic2d_aa: OpenVINO ignores antialiasing"):
        segzoo.export(model, tmp_path / "model.xml", "openvino")
    assert not list(tmp_path.iterdir())
    assert segzoo.export(model, tmp_path / "model.xml", "openvino", size=(96, 160)).difference < 1e-3


def test_its_own_quantiser_makes_it_int8(model, tmp_path):
    pytest.importorskip("nncf")
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(4):
        noise = np.random.default_rng(number).integers(0, 256, (64, 80, 3), dtype=np.uint8)
        Image.fromarray(noise).save(pictures / f"{number}.png")
    exported = segzoo.export(model, tmp_path / "model.xml", "openvino", calibration=pictures)
    assert exported.manifest.precision == "int8"
    assert segzoo.runtime.load(exported.path).manifest == exported.manifest
