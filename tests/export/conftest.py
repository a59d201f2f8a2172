import pytest
import torch
from synthetic import synthetic

import segzoo

NAMES = ("road", "sky", "tree")
PALETTE = ((128, 64, 128), (70, 130, 180), (107, 142, 35))


@pytest.fixture(scope="session")
def model():
    """Small, of an encoder that pads the image."""
    torch.manual_seed(0)
    made = segzoo.create_model(synthetic("mit"), "segformer", classes=3, decoder_options={"width": 16}).eval()
    made.labels = {"logits": segzoo.Labels(NAMES, PALETTE)}
    return made


@pytest.fixture(scope="session")
def exported(model, tmp_path_factory):
    return segzoo.export(model, tmp_path_factory.mktemp("exported") / "model.onnx")


@pytest.fixture(scope="session")
def classifying(model, tmp_path_factory):
    """Pictures in, classes out."""
    path = tmp_path_factory.mktemp("classifying") / "model.onnx"
    return segzoo.export(model, path, with_preprocessing=True, classes=True, half=True)
