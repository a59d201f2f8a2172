import pytest
from synthetic import synthetic

import segzoo


@pytest.mark.parametrize("option", [{"width": 0}, {"grids": []}, {"grids": [0, 2]}, {"dropout": -0.1}])
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match="upernet needs"):
        segzoo.plan(synthetic("resnet"), "upernet", decoder_options=option)
