"""What can't be exported, or isn't right when it is, is an error that says why, and leaves no file."""

import errno
import os
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from planted import Honest
from synthetic import synthetic
from torch.nn import functional as F

import segzoo
from segzoo.exporting.onnx_target import ONNXTarget


class Pooling(Honest):
    """Averages over a grid whose windows ONNX computes for one size."""

    def forward(self, features):
        summed = super().forward(features)
        return summed + segzoo.nn.resize(F.adaptive_avg_pool2d(summed, 3), summed.shape[-2:])


def make(decoder, name):
    segzoo.register(
        segzoo.DecoderSpec(
            name=name, target=f"{__name__}:{decoder.__name__}", summary="for a test", paper="", license=""
        )
    )
    return segzoo.create_model(synthetic("few"), name, classes=3)


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path):
    yield
    assert sorted(each.name for each in tmp_path.iterdir() if "pictures" not in each.name) in ([], ["there.onnx"])


def test_another_target_is_unknown(model, tmp_path):
    with pytest.raises(segzoo.UnknownNameError, match="onnx, torch-export, aoti, openvino"):
        segzoo.export(model, tmp_path / "model.mlmodel", "coreml")


def test_the_ending_says_what_the_file_is(model, tmp_path):
    with pytest.raises(segzoo.OptionError, match=r"ends in \.onnx"):
        segzoo.export(model, tmp_path / "model.pt2", "onnx")


def test_a_file_that_is_there_stays(model, tmp_path):
    (tmp_path / "there.onnx").write_text("mine")
    with pytest.raises(segzoo.OptionError, match="--force"):
        segzoo.export(model, tmp_path / "there.onnx")
    assert (tmp_path / "there.onnx").read_text() == "mine"


def test_nor_is_a_file_that_belongs_to_the_artefact_replaced_unasked(model, tmp_path):
    (tmp_path / "pictures.bin").write_text("mine")
    with pytest.raises(segzoo.OptionError, match=r"pictures\.bin is there already"):
        segzoo.export(model, tmp_path / "pictures.xml", "openvino")


def test_a_folder_that_is_not_there_is_told_before_any_work(model, tmp_path):
    with pytest.raises(segzoo.OptionError, match="No such file or directory"):
        segzoo.export(model, tmp_path / "nowhere" / "model.onnx")


def test_a_full_disk_leaves_no_file(model, tmp_path, monkeypatch):
    def full(*arguments):
        arguments[-1].write_bytes(b"half of a mod")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(ONNXTarget, "write", full)
    monkeypatch.setattr("segzoo.exporting.exporting.trace", lambda *arguments: None)
    with pytest.raises(segzoo.OptionError, match=r"model\.onnx: No space left"):
        segzoo.export(model, tmp_path / "model.onnx")


def test_a_missing_library_is_named_with_its_extra(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(segzoo.MissingExtraError, match=r'onnxscript: pip install "segzoo-torch\[export\]"'):
        segzoo.export(model, tmp_path / "model.onnx")


def test_half_and_int8_are_two_precisions(model, tmp_path):
    with pytest.raises(segzoo.OptionError, match="give one"):
        segzoo.export(model, tmp_path / "model.onnx", half=True, calibration=tmp_path)


def test_a_calibration_folder_has_pictures(model, tmp_path):
    with pytest.raises(segzoo.DataError, match="no pictures to calibrate with"):
        segzoo.export(model, tmp_path / "model.onnx", calibration=tmp_path)
    with pytest.raises(segzoo.DataError, match="takes a folder"):
        segzoo.export(model, tmp_path / "model.onnx", calibration=tmp_path / "nowhere")


def test_what_the_quantiser_cannot_take_is_told_as_its_failure(model, tmp_path, monkeypatch):
    def fail(*arguments):
        raise ValueError("too large")

    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "pictures" / "a.png")
    monkeypatch.setattr("segzoo.exporting.exporting.trace", lambda *arguments: None)
    monkeypatch.setattr(ONNXTarget, "write", lambda *arguments: None)
    monkeypatch.setattr(ONNXTarget, "quantize", fail)
    with pytest.raises(segzoo.ExportError, match="onnxruntime can't quantise the model: ValueError: too large"):
        segzoo.export(model, tmp_path / "model.onnx", calibration=tmp_path / "pictures")


def test_a_target_without_a_quantiser_says_so(model, tmp_path):
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(tmp_path / "pictures" / "a.png")
    with pytest.raises(segzoo.OptionError, match="onnx and openvino"):
        segzoo.export(model, tmp_path / "model.pt2", "torch-export", calibration=tmp_path / "pictures")


def test_a_size_that_the_encoder_cannot_take_is_refused(tmp_path):
    encoder = synthetic("resnet")
    encoder.input_spec = segzoo.InputSpec(multiple=32, minimum=64)
    model = segzoo.create_model(encoder, "linear", classes=3, strict_size=True)
    with pytest.raises(segzoo.InputError, match="64x64 pixels or more, got --size 32x32"):
        segzoo.export(model, tmp_path / "model.onnx", size=(32, 32))
    with pytest.raises(segzoo.InputError, match="got --size 65x96"):
        segzoo.export(model, tmp_path / "model.onnx", size=(65, 96))
    with pytest.raises(segzoo.InputError, match="for one size"):
        segzoo.export(model, tmp_path / "model.onnx")


@pytest.mark.slow
def test_an_adaptive_pool_is_found_out_and_named(tmp_path):
    with pytest.raises(segzoo.ExportError, match=r"aten\.adaptive_avg_pool2d to \[3, 3\]: its windows"):
        segzoo.export(make(Pooling, "pooling"), tmp_path / "model.onnx")


def test_what_cannot_be_traced_says_why(tmp_path):
    with pytest.raises(segzoo.ExportError, match=r"torch\.export can't trace the model"):
        segzoo.export(make(Unlike, "unlike"), tmp_path / "model.onnx")


def test_a_trace_that_does_not_end_is_stopped(model, tmp_path, monkeypatch):
    monkeypatch.setattr("segzoo.exporting.tracing.PATIENCE", -1.0)
    with pytest.raises(segzoo.ExportError, match=r"stopped after .* give --size"):
        segzoo.export(model, tmp_path / "model.onnx")


class Unlike(Honest):
    """Decides by a value."""

    def forward(self, features):
        summed = super().forward(features)
        return summed if summed.is_meta or summed.sum() > 0 else -summed


@pytest.mark.parametrize("half_as_large", [True, False])
def test_logits_that_differ_are_an_error(model, tmp_path, monkeypatch, half_as_large):
    monkeypatch.setattr(
        "segzoo.exporting.exporting.trace", lambda *arguments: torch.export.export(torch.nn.ReLU(), (torch.ones(1),))
    )
    monkeypatch.setattr(ONNXTarget, "write", lambda *arguments: None)

    def run(image):
        with torch.no_grad():
            return [model(torch.from_numpy(image)).numpy() * (0.5 if half_as_large else np.nan)]

    monkeypatch.setattr(ONNXTarget, "open", lambda *arguments: run)
    with pytest.raises(segzoo.ExportError, match=r"differs by .* 1 x 97x131 pixels, where 0\.001 is allowed"):
        segzoo.export(model, tmp_path / "model.onnx")
