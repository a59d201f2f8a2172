from itertools import pairwise

import pytest
import torch
from synthetic import PATTERNS, synthetic

import segzoo
from segzoo_lightham.nmf import NMF, update_bases, update_codes


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_three_coarsest_maps_are_taken_from_stride_8_on_where_there_are_such(pattern):
    plan = segzoo.plan(synthetic(pattern), "lightham")
    strides = plan.spec.select(plan.stages).strides
    assert (len(strides), min(strides) >= 8) == ((1, False) if pattern == "few" else (3, True))


@pytest.mark.parametrize("width", [256, 512, 1024])
def test_it_has_the_parameters_that_its_layers_have(width):
    plan = segzoo.plan(synthetic("mit"), "lightham", decoder_options={"width": width})
    squeeze, bread, norms = (24 + 32 + 40) * width, 3 * width**2 + width, 3 * 2 * width
    assert plan.decoder.parameters == squeeze + bread + norms


def test_eval_gives_an_image_the_same_logits_alone_and_in_a_batch():
    model = segzoo.create_model(synthetic("resnet"), "lightham", classes=4).eval()
    images = torch.rand(3, 3, 64, 96)
    together = model(images)
    assert torch.equal(together, model(images))
    assert torch.allclose(together[1:2], model(images[1:2]), atol=1e-5)


def test_the_first_bases_are_saved_with_the_weights():
    torch.manual_seed(0)
    one = segzoo.create_model(synthetic("resnet"), "lightham", classes=4).eval()
    other = segzoo.create_model(synthetic("resnet"), "lightham", classes=4).eval()
    other.load_state_dict(one.state_dict())
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(one(image), other(image))


def test_train_draws_the_bases_anew():
    ham, features = NMF(16, rank=4, train_steps=1, eval_steps=1).train(), torch.rand(1, 16, 6, 5)
    assert not torch.equal(ham(features), ham(features))


def test_the_error_never_grows():
    torch.manual_seed(0)
    pixels, bases, codes = (torch.rand(2, *shape, dtype=torch.float64) for shape in ((12, 30), (12, 4), (4, 30)))
    errors = []
    for _ in range(10):
        codes = update_codes(pixels, bases, codes)
        bases = update_bases(pixels, bases, codes)
        errors.append((pixels - bases @ codes).square().sum())
    assert all(later <= earlier for earlier, later in pairwise(errors))


def test_a_map_of_low_rank_is_found_again():
    torch.manual_seed(0)
    features = (torch.rand(1, 16, 2) @ torch.rand(1, 2, 48)).view(1, 16, 6, 8)
    approximation = NMF(16, rank=8, train_steps=1, eval_steps=500).eval()(features)
    assert (approximation - features).abs().max() < 0.02 * features.max()


def test_the_gradient_is_that_of_the_last_step():
    torch.manual_seed(0)
    ham = NMF(6, rank=2, train_steps=3, eval_steps=3).double().eval()
    features = torch.rand(1, 6, 3, 4, dtype=torch.float64, requires_grad=True)
    ham(features).square().sum().backward()
    pixels = features.detach().flatten(2).requires_grad_()
    bases, codes = ham._decompose(pixels.detach())
    (bases @ update_codes(pixels, bases, codes)).square().sum().backward()
    assert torch.allclose(features.grad.flatten(2), pixels.grad)
