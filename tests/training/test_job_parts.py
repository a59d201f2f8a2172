"""What a run does to its model before it starts, so that several processes can train it."""

import pytest
from torch import nn

from segzoo.demo.scenes import DigitScenes
from segzoo.training import Settings
from segzoo.training.job import prepare


@pytest.fixture
def folder(tmp_path):
    from PIL import Image

    scenes = DigitScenes("train", 3, size=32)
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for index in range(3):
        picture, mask = scenes.scene(index)
        Image.fromarray(picture).save(tmp_path / "images" / f"{index}.png")
        Image.fromarray(mask.astype("uint8")).save(tmp_path / "masks" / f"{index}.png")
    return tmp_path


@pytest.mark.slow
def test_branches_that_the_decoder_does_not_take_ask_for_no_gradient(folder):
    settings = Settings(data=str(folder), encoder="hrnet_w18_small", decoder="pspnet", pretrained=False)
    weights = dict(prepare(settings).model.encoder.named_parameters())
    assert not weights["body.stage4.0.fuse_layers.0.1.0.weight"].requires_grad
    assert weights["body.stage4.0.fuse_layers.3.0.0.0.weight"].requires_grad


def test_synchronised_batch_norms_keep_the_activation_that_timm_s_hold(folder):
    settings = Settings(
        data=str(folder), encoder="mobilenetv3_small_050", decoder="linear", pretrained=False, sync_batchnorm=True
    )
    norms = [each for each in prepare(settings).model.modules() if isinstance(each, nn.SyncBatchNorm)]
    assert any(isinstance(getattr(norm, "act", None), nn.Hardswish) for norm in norms)
