import pytest
import torch
from synthetic import DRIVING, EVERY_DECODER, small, synthetic
from torch import nn

import segzoo


def trained(encoder="resnet", decoder="unet", **options):
    """A model with batch norms as after training."""
    encoder = synthetic(encoder) if encoder in segzoo.testing.CATALOGUE else encoder
    model = segzoo.create_model(encoder, decoder, **{"classes": 4} | options)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
    return model.eval()


STAYING = {"linear": 1, "pem": 3, "pmd": 1, "cgrseg": 8, "dmnet": 4, "encnet": 1, "ddrnet": 12, "pidnet": 9}
"""Norms that stay, since no convolution comes before them, but a product, an average or a sum, and what follows
is an activation or a convolution with a border."""


def assert_same_logits(model, optimized, size=(61, 97)):
    image = torch.rand(2, 3, *size)
    with torch.no_grad():
        expected, logits = model(image), optimized(image)
    torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize("decoder", EVERY_DECODER)
def test_a_decoder_s_norms_are_folded_and_the_logits_stay(decoder):
    model = trained("test_vit" if decoder in DRIVING else "resnet", decoder, decoder_options=small(decoder))
    optimized = segzoo.optimize(model)
    assert optimized.optimized.folded >= optimized.optimized.norms - STAYING.get(decoder, 0)
    assert_same_logits(model, optimized)


@pytest.mark.parametrize(
    "encoder", ["test_resnet", "test_efficientnet", "test_byobnet", "test_vit", "mit_b0", "levit_128s"]
)
def test_an_encoder_s_norms_are_folded_and_the_logits_stay(encoder):
    model = trained(encoder, "fpn")
    assert_same_logits(model, segzoo.optimize(model))


@pytest.mark.slow
def test_timm_merges_the_branches_of_its_own_blocks():
    model = trained("mobileone_s0", "fpn")
    optimized = segzoo.optimize(model)
    weights, fewer = (sum(weight.numel() for weight in each.encoder.parameters()) for each in (model, optimized))
    assert fewer < 0.5 * weights
    assert_same_logits(model, optimized)


def test_the_original_stays_as_it_is():
    model = trained(auxiliary=[4]).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    segzoo.optimize(model)
    assert all(module.training for module in model.modules())
    assert all(weight.requires_grad for weight in model.parameters())
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)


def test_it_says_what_it_did():
    optimized = segzoo.optimize(trained("resnet18", auxiliary=[4]))
    assert (optimized.optimized.norms, optimized.optimized.folded, optimized.optimized.auxiliary) == (30, 30, 1)
    assert "30 of 30 batch norms folded, 1 auxiliary head left out" in str(optimized)


def test_linear_layers_that_follow_each_other_are_merged():
    optimized = segzoo.optimize(trained("mit", "segformer"))
    assert optimized.optimized.merged == 4
    assert "4 linear layers merged" in str(optimized)


def test_auxiliary_heads_are_gone():
    optimized = segzoo.optimize(trained(auxiliary=[4]))
    assert optimized(torch.rand(1, 3, 64, 64), auxiliary=True)[1] == {}
    assert not any(name.startswith("auxiliary") for name in optimized.state_dict())


def test_so_are_the_heads_of_coarser_scales():
    options = {"deep_supervision": True}
    model = segzoo.create_model(synthetic("resnet"), "emcad", classes=4, decoder_options=options)
    optimized = segzoo.optimize(model.eval())
    assert optimized(torch.rand(1, 3, 64, 64), auxiliary=True)[1] == {}
    assert (optimized.optimized.auxiliary, len(optimized.coarser)) == (3, 0)


def test_it_predicts():
    model = trained(decoder="fpn")
    image = torch.rand(3, 50, 70)
    assert (segzoo.optimize(model).predict(image) == model.predict(image)).float().mean() > 0.99


def test_named_heads_stay_so():
    model = trained(classes=None, heads={"mask": 3, "edge": 1})
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(segzoo.optimize(model)(image), model(image), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("encoder", "decoder"), [("resnet", "unet"), ("test_byobnet", "segformer")])
def test_it_asks_for_no_gradients(encoder, decoder):
    assert not segzoo.optimize(trained(encoder, decoder))(torch.rand(1, 3, 64, 64)).requires_grad


def test_its_weights_keep_their_type():
    optimized = segzoo.optimize(trained().to(torch.bfloat16))
    assert {weight.dtype for weight in optimized.parameters()} == {torch.bfloat16}
    assert optimized(torch.rand(1, 3, 64, 64, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_it_can_be_optimized_again():
    optimized = segzoo.optimize(trained("resnet18"))
    again = segzoo.optimize(optimized)
    assert again.optimized.norms == 0
    assert_same_logits(optimized, again)


def test_it_can_t_be_trained():
    with pytest.raises(segzoo.OptionError, match="train the original"):
        segzoo.optimize(trained()).train()


@pytest.mark.parametrize(
    "save", [lambda model, folder: model.save_pretrained(folder), lambda model, _: model.push_to_hub("user/name")]
)
def test_it_can_t_be_saved(save, tmp_path):
    with pytest.raises(segzoo.CheckpointError, match="save the original"):
        save(segzoo.optimize(trained()), tmp_path / "model")


def test_gradient_checkpointing_is_left_out():
    model = trained("resnet18")
    model.set_grad_checkpointing()
    optimized = segzoo.optimize(model)
    assert not any("forward" in vars(module) for module in optimized.modules())
    assert any("forward" in vars(module) for module in model.modules())


def test_a_model_without_weights_is_refused():
    with torch.device("meta"):
        model = segzoo.create_model("mit_b0", "segformer", classes=3)
    with pytest.raises(segzoo.CheckpointError, match="meta device"):
        segzoo.optimize(model)


class Random(segzoo.Decoder):
    def __init__(self, stages):
        super().__init__(stages, out_channels=stages.channels[-1])

    def forward(self, features):
        return features[-1] * torch.rand(())


def test_a_model_whose_logits_can_t_be_kept_is_refused():
    with pytest.raises(segzoo.ContractError, match="logits differ by"):
        segzoo.optimize(trained(decoder=Random))


@pytest.mark.slow
def test_compiled_it_gives_the_same_logits():
    model = trained(decoder="linear")
    assert_same_logits(model, segzoo.optimize(model, compile=True))
