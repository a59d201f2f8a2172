import pytest
from synthetic import synthetic

import segzoo


@pytest.mark.parametrize("option", [{"width": 48}, {"pyramid_width": 0}, {"dropout": 1.0}, {"merge": "mean"}])
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match="fpn needs"):
        segzoo.plan(synthetic("resnet"), "fpn", decoder_options=option)
