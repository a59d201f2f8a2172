"""What `segzoo.compat.smp` has besides models: encoders' names and preprocessing, losses, metrics, the room itself."""

import os
import subprocess
import sys

import numpy
import pytest
import segmentation_models_pytorch as peer_library
import torch

import segzoo
import segzoo.compat.smp as smp


def test_the_encoders_are_smp_s_but_for_those_that_segzoo_lacks():
    names, all_of_them = smp.encoders.get_encoder_names(), peer_library.encoders.get_encoder_names()
    assert set(names) <= set(all_of_them)
    assert {"resnet34", "mit_b2", "vgg16", "efficientnet-b4"} <= set(names)


@pytest.mark.parametrize(
    ("encoder", "mean"), [("resnet34", 0.485), ("tu-resnet18", 0.485), ("timm-tf_efficientnet_lite0", 0.5)]
)
def test_a_picture_is_prepared_as_the_encoder_s_weights_expect(encoder, mean):
    params = smp.encoders.get_preprocessing_params(encoder)
    assert params.keys() == {"input_space", "input_range", "mean", "std"}
    assert params["mean"][0] == mean


@pytest.mark.parametrize("input_range", [None, (0, 1), (0, 255)])
@pytest.mark.parametrize("input_space", ["RGB", "BGR"])
@pytest.mark.parametrize("statistics", [{}, {"mean": [0.1, 0.2, 0.3], "std": [1.0, 0.5, 0.2]}])
def test_preprocessing_is_smp_s(input_range, input_space, statistics):
    picture = numpy.random.default_rng(0).integers(0, 256, (4, 5, 3))
    given = {"input_range": input_range, "input_space": input_space, **statistics}
    expected = peer_library.encoders.preprocess_input(picture, **given)
    assert numpy.allclose(smp.encoders.preprocess_input(picture, **given), expected)


def test_an_encoder_alone_is_refused_with_what_serves_instead():
    with pytest.raises(segzoo.OptionError, match=r"take the encoder of segzoo\.create_model"):
        smp.encoders.get_encoder("resnet18")


def test_losses_and_metrics_are_smp_s_own():
    assert smp.losses.DiceLoss is peer_library.losses.DiceLoss
    assert smp.metrics.iou_score is peer_library.metrics.iou_score


@pytest.mark.parametrize(
    ("name", "instead"),
    [("losses.DiceLoss", r"segzoo\.losses\.Loss"), ("metrics.iou_score", r"segzoo\.metrics\.SegmentationMetrics")],
)
def test_without_smp_they_are_an_error_that_names_segzoo_s(name, instead, monkeypatch):
    room, _, each = name.partition(".")
    monkeypatch.setitem(sys.modules, f"segmentation_models_pytorch.{room}", None)
    with pytest.raises(segzoo.MissingExtraError, match=f"{name} is SMP's own.*or take {instead}"):
        getattr(getattr(smp, room), each)


@pytest.mark.slow
def test_models_need_no_smp():
    code = (
        "import sys; sys.modules['segmentation_models_pytorch'] = None; import segzoo.compat.smp as smp; "
        "smp.Unet('tu-test_resnet', encoder_weights=None)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_without_the_plugin_the_error_says_so():
    code = "import segzoo.compat.smp as smp; smp.Unet"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "SEGZOO_DISABLE_PLUGINS": "smp"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "UnknownNameError" in done.stderr
    assert "'smp'" in done.stderr


def test_its_names_are_listed():
    assert {"Unet", "DPT", "create_model", "encoders", "losses", "MODEL_ARCHITECTURES_MAPPING"} <= set(dir(smp))


def test_a_training_step_of_smp_s_losses_runs():
    model = smp.Unet("tu-test_resnet", encoder_weights=None)
    loss = smp.losses.DiceLoss("binary")(model(torch.rand(2, 3, 64, 64)), torch.ones(2, 1, 64, 64))
    loss.backward()
    assert all(weight.grad is not None for weight in model.decoder.parameters())
