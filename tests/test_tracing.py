"""A decoder that is traced by example, by `torch.jit.trace` or torch's older ONNX exporter, is right at other sizes."""

import warnings

import pytest
import torch
from synthetic import synthetic

import segzoo

TRACED = (64, 96)
SIZES = [(96, 64), (67, 129)]


class Decoding(torch.nn.Module):
    """What a model does after its encoder, a list of maps taken one by one."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *features):
        return self.model.decode(list(features))


@pytest.mark.parametrize("encoder", ["resnet", "plain_vit"])
@pytest.mark.parametrize("decoder", segzoo.list_decoders())
def test_a_traced_decoder_is_right_at_other_sizes(decoder, encoder):
    torch.manual_seed(0)
    model = segzoo.create_model(synthetic(encoder), decoder, classes=3).eval()
    decoding = Decoding(model).eval()
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(decoding, tuple(model.encoder(torch.rand(1, 3, *TRACED))))
        for size in SIZES:
            features = model.encoder(torch.rand(1, 3, *size))
            torch.testing.assert_close(traced(*features), decoding(*features), rtol=1e-4, atol=1e-4)
