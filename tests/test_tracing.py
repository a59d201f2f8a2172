"""A dense decoder that is traced by example, by `torch.jit.trace` or torch's older ONNX exporter, is right elsewhere.

Decoders of queries mask attention by what they predicted, which an example fixes: they are exported by `torch.export`.
"""

import io
import warnings

import onnxruntime
import pytest
import torch
from synthetic import DENSE, parameters, slow_unless_different, synthetic

import segzoo

TRACED = (32, 64)
SIZES = [(64, 32), (47, 33)]
OF_ONE_RESOLUTION = [("dpt", "plain_vit"), ("setr_mla", "plain_vit")]

pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::FutureWarning")


class Decoding(torch.nn.Module):
    """What a model does after its encoder, a list of maps taken one by one."""

    def __init__(self, decoder, encoder):
        super().__init__()
        torch.manual_seed(0)
        self.model = segzoo.create_model(synthetic(encoder), decoder, classes=3)

    def maps(self, size):
        with torch.no_grad():
            return tuple(self.model.encoder(torch.rand(1, 3, *size)))

    def forward(self, *features):
        return self.model.decode(list(features))


@pytest.mark.parametrize(
    ("decoder", "encoder"),
    [
        pytest.param(decoder, encoder, marks=slow_unless_different(decoder))
        for decoder, encoder in [*((decoder, "resnet") for decoder in DENSE), *OF_ONE_RESOLUTION]
    ],
)
@torch.no_grad()
def test_a_traced_decoder_is_right_at_other_sizes(decoder, encoder):
    decoding = Decoding(decoder, encoder).eval()
    traced = torch.jit.trace(decoding, decoding.maps(TRACED))
    for size in SIZES:
        maps = decoding.maps(size)
        torch.testing.assert_close(traced(*maps), decoding(*maps), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("decoder", parameters(DENSE))
@torch.no_grad()
def test_the_older_onnx_exporter_gives_a_model_that_is_right_at_other_sizes(decoder):
    decoding, file = Decoding(decoder, "resnet").eval(), io.BytesIO()
    maps = decoding.maps(TRACED)
    names = [f"map_{stage}" for stage in range(len(maps))]
    axes = {name: {2: f"height_{name}", 3: f"width_{name}"} for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(decoding, maps, file, dynamo=False, input_names=names, dynamic_axes=axes)
    session = onnxruntime.InferenceSession(file.getvalue())
    for size in SIZES:
        maps = decoding.maps(size)
        given = {each.name: maps[names.index(each.name)].numpy() for each in session.get_inputs()}
        (logits,) = session.run(None, given)
        torch.testing.assert_close(torch.from_numpy(logits), decoding(*maps), rtol=1e-4, atol=1e-4)
