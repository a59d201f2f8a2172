import torch
from synthetic import synthetic

import segzoo


def test_attention_among_positions_follows_a_permutation_of_the_positions():
    model = segzoo.create_model(synthetic("resnet"), "manet", classes=3, decoder_options={"attention": "positions"})
    center = model.decoder.center
    for conv in (center.value, center.mix):  # a pixel alone, so that only the attention looks at others
        torch.nn.init.zeros_(conv.weight)
        torch.nn.init.dirac_(conv.weight)
    features, order = torch.rand(1, center.key.in_channels, 2, 3), torch.randperm(6)
    permuted = features.flatten(2)[..., order].view_as(features)
    torch.testing.assert_close(center(permuted).flatten(2), center(features).flatten(2)[..., order])
