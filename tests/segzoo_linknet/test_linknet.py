from synthetic import synthetic

import segzoo


def test_where_there_is_nothing_to_add_the_width_is_kept():
    decoder = segzoo.create_model(synthetic("mit"), "linknet", classes=3).decoder
    assert [step.expand.conv.out_channels for step in decoder.steps] == [32, 24, 16, 16, 32]
