"""`segzoo.runtime` runs an artefact as the model would run, without torch."""

import dataclasses
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

import segzoo

WITHOUT_TORCH = """
import sys, numpy, segzoo
segmenter = segzoo.runtime.load(sys.argv[1])
picture = numpy.zeros((40, 50, 3), numpy.uint8)
assert segmenter.predict(picture).shape == (40, 50)
assert segmenter.logits(picture).shape == (3, 40, 50)
sys.exit("torch was imported" if "torch" in sys.modules else 0)
"""


@pytest.fixture(scope="module")
def segmenter(exported):
    return segzoo.runtime.load(exported.path)


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)


def expected(model, picture):
    with torch.no_grad():
        return model(model.preprocessing(picture)[None])[0].numpy()


def test_torch_is_not_imported(exported):
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, exported.path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_logits_are_the_model_s(model, segmenter, picture):
    np.testing.assert_allclose(segmenter.logits(picture), expected(model, picture), rtol=1e-4, atol=1e-4)


def test_classes_are_the_model_s(model, segmenter, picture):
    classes = segmenter.predict(Image.fromarray(picture))
    assert classes.dtype == np.uint8
    assert (classes == expected(model, picture).argmax(axis=0)).mean() > 0.99


def test_labels_and_palette_come_with_it(model, segmenter):
    assert segmenter.labels == model.labels
    assert segmenter.names == model.labels["logits"].names
    assert segmenter.palette == model.labels["logits"].palette


@pytest.mark.slow
def test_an_artefact_that_classifies_gives_the_same_classes(model, classifying, picture):
    segmenter = segzoo.runtime.load(classifying.path)
    assert (segmenter.predict(picture) == expected(model, picture).argmax(axis=0)).mean() > 0.99
    with pytest.raises(segzoo.OptionError, match="without --class-map"):
        segmenter.logits(picture)
    with pytest.raises(segzoo.InputError, match="8 bits"):
        segmenter.predict(picture / 255)


@pytest.mark.parametrize("wrong", [np.zeros((8, 8)), np.zeros((8, 8, 4)), np.zeros((0, 8, 3)), "picture.png"])
def test_what_is_no_picture_is_an_error(segmenter, wrong):
    with pytest.raises(segzoo.InputError, match="expected a picture"):
        segmenter.predict(wrong)


def test_a_smaller_picture_than_the_artefact_s_size_is_enlarged_and_cut_and_a_larger_one_refused():
    manifest = segzoo.runtime.Manifest(
        target="onnx",
        heads={"logits": 2},
        labels={},
        preprocessing=segzoo.Preprocessing(),
        size=(8, 8),
        parts={},
        version="0",
    )
    shapes = []

    def session(image):
        shapes.append(image.shape)
        return [image[:, :2]]

    segmenter = segzoo.runtime.Segmenter(session, manifest)
    assert segmenter.logits(np.zeros((5, 8, 3), np.uint8)).shape == (2, 5, 8)
    assert shapes == [(1, 3, 8, 8)]
    with pytest.raises(segzoo.InputError, match="for pictures of 8x8 pixels, got 9x8"):
        segmenter.predict(np.zeros((9, 8, 3), np.uint8))


def test_the_manifest_is_what_was_written(exported):
    manifest = exported.manifest
    assert segzoo.runtime.Manifest.from_json(manifest.to_json(), "here") == manifest


def test_files_that_are_no_artefact_are_errors(tmp_path, exported):
    with pytest.raises(segzoo.CheckpointError, match=r"no \.onnx or \.xml"):
        segzoo.runtime.load(tmp_path / "model.pt2")
    with pytest.raises(segzoo.CheckpointError, match="there is no file"):
        segzoo.runtime.load(tmp_path / "model.onnx")
    (tmp_path / "broken.onnx").write_bytes(exported.path.read_bytes()[:1000])
    with pytest.raises(segzoo.CheckpointError, match="can't read"):
        segzoo.runtime.load(tmp_path / "broken.onnx")
    other = onnx.load(exported.path)
    del other.metadata_props[:]
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(segzoo.CheckpointError, match="no metadata of segzoo's"):
        segzoo.runtime.load(tmp_path / "other.onnx")


def test_an_artefact_for_several_images_at_once_is_refused(exported, tmp_path):
    several = onnx.load(exported.path)
    (entry,) = [each for each in several.metadata_props if each.key == "segzoo"]
    entry.value = dataclasses.replace(exported.manifest, batch=4).to_json()
    onnx.save(several, tmp_path / "several.onnx")
    with pytest.raises(segzoo.OptionError, match="takes 4 images at once"):
        segzoo.runtime.load(tmp_path / "several.onnx")


def test_metadata_of_a_newer_segzoo_are_an_error(exported):
    newer = exported.manifest.to_json().replace('"format": 1', '"format": 99')
    with pytest.raises(segzoo.CheckpointError, match="format 99"):
        segzoo.runtime.Manifest.from_json(newer, "model.onnx")


def test_a_missing_runtime_is_named(exported, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(segzoo.MissingExtraError, match="pip install onnxruntime"):
        segzoo.runtime.load(exported.path)
