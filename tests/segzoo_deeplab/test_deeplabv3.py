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
