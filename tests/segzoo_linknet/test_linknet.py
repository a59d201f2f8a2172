import pytest
from synthetic import synthetic

import segzoo


def test_where_there_is_nothing_to_add_the_width_is_kept():
    decoder = segzoo.create_model(synthetic("mit"), "linknet", classes=3).decoder
    assert [step.expand.conv.out_channels for step in decoder.steps] == [32, 24, 16, 16, 32]


def test_a_width_out_of_range_is_refused():
    with pytest.raises(segzoo.OptionError, match="a width from 1 on, got 0"):
        segzoo.plan(synthetic("resnet"), "linknet", decoder_options={"width": 0})
