import pytest
import torch
from fcn_head import FCNHead
from smp_parity import parameters
from synthetic import synthetic

import segzoo

MMSEGMENTATION = {
    "width": 512,
    "depthwise_norm": True,
    "project_kernel": 3,
    "fuse_convs": 2,
    "dropout": 0.0,
    "head_dropout": 0.1,
    "output_stride": 8,
}


def test_it_has_as_many_parameters_as_smp_s():
    with torch.device("meta"):
        assert parameters(segzoo.create_model("resnet50", "deeplabv3plus", classes=19)) == 26_682_211


def test_it_has_as_many_parameters_as_mmsegmentation_s():
    with torch.device("meta"):
        model = segzoo.create_model("resnet101c", "deeplabv3plus", classes=150, decoder_options=MMSEGMENTATION)
        auxiliary = FCNHead(1024, classes=150)
    assert round((parameters(model) + parameters(auxiliary)) / 1e6, 1) == 62.7


@pytest.mark.parametrize(
    "option",
    [
        {"width": 0},
        {"low_width": 0},
        {"project_kernel": 5},
        {"fuse_convs": 0},
        {"dropout": 1},
        {"head_dropout": 1},
        {"output_stride": 32},
    ],
)
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match=next(iter(option))):
        segzoo.plan(synthetic("resnet"), "deeplabv3plus", decoder_options=option)
