import pytest
from synthetic import synthetic

import segzoo


@pytest.mark.parametrize("option", [{"width": 0}, {"convs": 0}, {"dropout": 1}, {"output_stride": 7}])
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match=next(iter(option))):
        segzoo.plan(synthetic("resnet"), "fcn", decoder_options=option)
