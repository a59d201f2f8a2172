import pytest
import torch
from synthetic import synthetic

import segzoo


def test_several_heads_share_its_logits():
    model = segzoo.create_model(synthetic("resnet"), "lraspp", heads={"mask": 4, "edge": 1})
    logits = model(torch.rand(2, 3, 97, 131))
    assert {name: each.shape[1] for name, each in logits.items()} == {"mask": 4, "edge": 1}


@pytest.mark.parametrize("option", [{"width": 0}, {"output_stride": 12}])
def test_an_option_out_of_range_is_refused(option):
    with pytest.raises(segzoo.OptionError, match=next(iter(option))):
        segzoo.plan(synthetic("resnet"), "lraspp", decoder_options=option)
