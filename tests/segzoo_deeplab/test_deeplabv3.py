import pytest
from synthetic import synthetic

import segzoo


def test_mmsegmentation_s_joins_the_branches_by_one_3x3():
    options = {"width": 16, "project_kernel": 3, "dropout": 0.0, "head_dropout": 0.1}
    decoder = segzoo.create_model(synthetic("resnet"), "deeplabv3", classes=4, decoder_options=options).decoder
    assert decoder.aspp.project.conv.kernel_size == (3, 3)
    assert not list(decoder.refine.parameters())


def test_the_head_for_mobiles_has_neither_dilated_branches_nor_a_last_3x3():
    options = {"width": 16, "rates": [], "refine": False}
    decoder = segzoo.create_model(synthetic("resnet"), "deeplabv3", classes=4, decoder_options=options).decoder
    assert [name for name, _ in decoder.named_parameters() if name.endswith("conv.weight")] == [
        "aspp.point.conv.weight",
        "aspp.pooling.branches.0.conv.weight",
        "aspp.project.conv.weight",
    ]


@pytest.mark.parametrize(
    "option",
    [
        {"width": 0},
        {"rates": [0]},
        {"project_kernel": 2},
        {"dropout": 1},
        {"head_dropout": 1},
        {"output_stride": 4},
    ],
)
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match=next(iter(option))):
        segzoo.plan(synthetic("resnet"), "deeplabv3", decoder_options=option)
