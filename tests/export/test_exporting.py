"""An artefact computes what the model does, in its own runtime, at sizes that weren't traced."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from synthetic import synthetic

import segzoo

SIZES = [(1, 33, 47), (3, 128, 64), (2, 70, 201)]


@pytest.mark.parametrize("size", SIZES)
def test_onnx_runtime_gives_the_model_s_logits_at_any_batch_and_size(model, exported, size):
    batch, height, width = size
    image = torch.rand(batch, 3, height, width)
    (logits,) = onnxruntime.InferenceSession(exported.path).run(None, {"image": image.numpy()})
    with torch.no_grad():
        expected = model(image).numpy()
    assert np.abs(logits - expected).max() <= 1e-3 * np.abs(expected).max()


def test_it_was_verified_at_three_sizes_that_were_not_traced_and_at_another_batch(exported):
    shapes = [each.shape for each in exported.verified]
    assert len({shape[1:] for shape in shapes} - {exported.traced}) >= 3
    assert len({shape[0] for shape in shapes}) > 1
    assert exported.difference < 1e-3


def test_the_open_axes_have_names(exported):
    graph = onnx.load(exported.path).graph
    sides = [side.dim_param or side.dim_value for side in graph.input[0].type.tensor_type.shape.dim]
    assert sides == ["batch", 3, "height", "width"]
    sides = [side.dim_param or side.dim_value for side in graph.output[0].type.tensor_type.shape.dim]
    assert sides == ["batch", 3, "height", "width"]


def test_the_metadata_hold_labels_preprocessing_and_parts(model, exported):
    (text,) = [entry.value for entry in onnx.load(exported.path).metadata_props if entry.key == "segzoo"]
    found = json.loads(text)
    assert found["labels"]["logits"]["names"] == list(model.labels["logits"].names)
    assert found["preprocessing"] == {
        "mean": list(model.preprocessing.mean),
        "std": list(model.preprocessing.std),
        "scaled": True,
    }
    assert found["parts"]["decoder"] == "segzoo:segformer"


@pytest.mark.slow
def test_pictures_go_in_and_classes_come_out(model, classifying):
    session = onnxruntime.InferenceSession(classifying.path)
    pictures = np.random.default_rng(0).integers(0, 256, (2, 70, 90, 3), dtype=np.uint8)
    (classes,) = session.run(None, {"image": pictures})
    assert classes.dtype == np.uint8
    with torch.no_grad():
        expected = model(torch.stack([model.preprocessing(picture) for picture in pictures])).argmax(dim=1).numpy()
    assert (classes == expected).mean() > 0.99


@pytest.mark.slow
def test_torch_runs_its_own_artefact_at_sizes_that_need_no_padding_too(model, tmp_path):
    exported = segzoo.export(model, tmp_path / "model.pt2", "torch-export")
    extra = {"segzoo.json": ""}
    module = torch.export.load(exported.path, extra_files=extra).module(check_guards=False)
    assert json.loads(extra["segzoo.json"])["heads"] == {"logits": 3}
    for batch, height, width in SIZES:
        image = torch.rand(batch, 3, height, width)
        with torch.no_grad():
            torch.testing.assert_close(module(image)[0], model(image), rtol=1e-4, atol=1e-4)


def test_named_heads_are_outputs_of_their_names(tmp_path):
    model = segzoo.create_model(synthetic("few"), "linear", heads={"land": 3, "roof": 1})
    exported = segzoo.export(model, tmp_path / "model.onnx", classes=True, size=(64, 96), batch=1)
    session = onnxruntime.InferenceSession(exported.path)
    assert [output.name for output in session.get_outputs()] == ["land", "roof"]
    assert [output.shape for output in session.get_outputs()] == [[1, 64, 96]] * 2
    assert [each.shape for each in exported.verified] == [(1, 64, 96)]


@pytest.mark.slow
def test_no_activation_is_exported_as_a_scatter_into_a_map(tmp_path):
    unet = segzoo.create_model(
        synthetic("resnet"), "unet", classes=3, decoder_options={"widths": [8, 8, 8, 8, 8]}
    ).eval()
    path = segzoo.export(unet, tmp_path / "model.onnx", size=(64, 96), batch=1).path
    assert not [node.op_type for node in onnx.load(path).graph.node if "Scatter" in node.op_type]


def test_the_model_stays_as_it_is(model, exported):
    assert model.head.classes.heads == {"logits": 3}
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.slow
def test_a_model_is_compiled_ahead_of_time(tmp_path):
    model = segzoo.create_model(synthetic("few"), "linear", classes=3)
    exported = segzoo.export(model, tmp_path / "model.pt2", "aoti")
    assert exported.difference < 1e-3
    assert json.loads((tmp_path / "model.pt2.json").read_text())["target"] == "aoti"
