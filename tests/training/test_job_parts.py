"""What a run does to its model before it starts, so that several processes can train it."""

import pytest
from torch import nn

from segzoo.demo.dataset import ScenesDataset
from segzoo.training import Settings
from segzoo.training.job import prepare

SCENES = ScenesDataset(train=2, val=1, size=32)


@pytest.mark.slow
def test_branches_that_the_decoder_does_not_take_ask_for_no_gradient():
    settings = Settings(data="scenes", encoder="hrnet_w18_small", decoder="pspnet", pretrained=False)
    weights = dict(prepare(settings, dataset=SCENES).model.encoder.named_parameters())
    assert not weights["body.stage4.0.fuse_layers.0.1.0.weight"].requires_grad
    assert weights["body.stage4.0.fuse_layers.3.0.0.0.weight"].requires_grad


@pytest.mark.slow
def test_synchronised_batch_norms_keep_the_activation_that_timm_s_hold():
    settings = Settings(
        data="scenes", encoder="mobilenetv3_small_050", decoder="linear", pretrained=False, sync_batchnorm=True
    )
    norms = [each for each in prepare(settings, dataset=SCENES).model.modules() if isinstance(each, nn.SyncBatchNorm)]
    assert any(isinstance(getattr(norm, "act", None), nn.Hardswish) for norm in norms)


def test_images_from_above_are_mirrored_both_ways():
    settings = Settings(
        data="scenes", encoder="test_resnet", decoder="linear", pretrained=False, flip=0.25, vertical=0.5
    )
    transform = prepare(settings, dataset=SCENES).train.transform
    assert [each.p for each in transform.flips.transforms] == [0.25, 0.5]
