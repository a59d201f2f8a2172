import torch
from synthetic import synthetic

import segzoo


def test_several_heads_share_its_logits():
    model = segzoo.create_model(synthetic("resnet"), "lraspp", heads={"mask": 4, "edge": 1})
    logits = model(torch.rand(2, 3, 97, 131))
    assert {name: each.shape[1] for name, each in logits.items()} == {"mask": 4, "edge": 1}
