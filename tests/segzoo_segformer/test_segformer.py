import pytest
import torch
from smp_parity import parameters
from synthetic import synthetic

import segzoo


@pytest.mark.parametrize(("encoder", "decoder", "millions"), [("mit_b0", 0.433, 3.75), ("mit_b1", 0.564, 13.72)])
def test_it_has_as_many_parameters_as_published(encoder, decoder, millions):
    with torch.device("meta"):
        model = segzoo.create_model(encoder, "segformer", classes=150)
    assert round((parameters(model) - parameters(model.encoder)) / 1e6, 3) == decoder
    assert round(parameters(model) / 1e6, 2) == millions


def test_the_output_keeps_stride_4_when_finer_stages_are_taken():
    options = {"finest_stride": 2}
    model = segzoo.create_model(synthetic("resnet"), "segformer", classes=4, decoder_options=options).eval()
    features = model.encoder(torch.rand(1, 3, 64, 96))
    assert model.decoder([features[stage] for stage in model.plan.stages]).shape[-2:] == (16, 24)


def test_an_encoder_without_a_stage_so_coarse_is_refused():
    with pytest.raises(segzoo.NegotiationError, match="segformer needs a stage from stride 8 on"):
        segzoo.plan(synthetic("few"), "segformer", decoder_options={"finest_stride": 8})


def test_mmsegmentation_s_linear_layers_have_norms_and_relus():
    options = {"linear_norm": True, "width": 16}
    model = segzoo.create_model(synthetic("mit"), "segformer", classes=4, decoder_options=options)
    assert all(isinstance(linear, segzoo.nn.ConvNormAct) for linear in model.decoder.linears)
    model(torch.rand(2, 3, 97, 131)).square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
