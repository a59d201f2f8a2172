import pytest
from synthetic import synthetic

import segzoo


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
