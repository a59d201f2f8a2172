"""Gradient checkpointing: the same logits and gradients, and less that waits for the backward pass."""

import copy

import pytest
import torch
from synthetic import EVERY_DECODER, partner, small, synthetic
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

import segzoo
from segzoo.recomputing import set_recomputing


def model_of(encoder="test_resnet", decoder="unet"):
    return segzoo.create_model(encoder, decoder, classes=4).train()


def step(model, image):
    """Logits and gradients, with the same dropout each time."""
    torch.manual_seed(0)
    model.zero_grad()
    logits = model(image)
    logits.square().mean().backward()
    return logits, {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


class Living(TorchDispatchMode):
    """Bytes of what was computed and still is somewhere, in saved tensors or in the inputs of what runs again."""

    def __init__(self):
        super().__init__()
        self.computed = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        results = function(*args, **(kwargs or {}))
        for tensor in results if isinstance(results, list | tuple) else [results]:
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                self.computed[StorageWeakRef(storage)] = storage.nbytes()
        return results

    def bytes(self):
        return sum(count for storage, count in self.computed.items() if not storage.expired())


def kept(model, image):
    with Living() as living:
        logits = model(image)
    kept = living.bytes()
    del logits
    return kept


@pytest.mark.parametrize("decoder", EVERY_DECODER)
def test_a_decoder_s_logits_and_gradients_stay(decoder):
    model = segzoo.create_model(partner(decoder), decoder, classes=4, decoder_options=small(decoder)).train()
    image = torch.rand(2, 3, 64, 96)
    recomputing = copy.deepcopy(model)
    set_recomputing(recomputing.decoder, True)
    torch.testing.assert_close(step(recomputing, image), step(model, image))
    torch.testing.assert_close(dict(recomputing.named_buffers()), dict(model.named_buffers()))


def test_less_is_kept_of_encoder_and_decoder():
    model, image = model_of(), torch.rand(2, 3, 128, 128)
    before = kept(model, image)
    model.set_grad_checkpointing()
    assert kept(model, image) < 0.65 * before


def test_less_is_kept_of_the_decoder_alone():
    model, image = segzoo.create_model(synthetic(), "unet", classes=4).train(), torch.rand(2, 3, 128, 128)
    before = kept(model, image)
    set_recomputing(model.decoder, True)
    assert kept(model, image) < 0.5 * before


def test_it_can_be_switched_off():
    model, image = model_of(), torch.rand(2, 3, 64, 64)
    before = kept(model, image)
    model.set_grad_checkpointing()
    model.set_grad_checkpointing()
    model.set_grad_checkpointing(False)
    assert kept(model, image) == before


def test_logits_and_gradients_of_a_model_stay():
    model, image = model_of(), torch.rand(2, 3, 64, 64)
    recomputing = copy.deepcopy(model)
    recomputing.set_grad_checkpointing()
    torch.testing.assert_close(step(recomputing, image), step(model, image))


def test_batch_norms_of_the_decoder_count_a_batch_once():
    model, image = model_of(), torch.rand(2, 3, 64, 64)
    recomputing = copy.deepcopy(model)
    recomputing.set_grad_checkpointing()
    step(model, image), step(recomputing, image)
    torch.testing.assert_close(dict(recomputing.decoder.named_buffers()), dict(model.decoder.named_buffers()))


def test_a_copy_recomputes_its_own_blocks():
    model = model_of()
    model.set_grad_checkpointing()
    copied = copy.deepcopy(model)
    nn.init.zeros_(next(copied.decoder.parameters()))
    image = torch.rand(2, 3, 64, 64)
    assert not torch.equal(copied(image), model(image))


def test_the_model_is_saved_as_before(tmp_path):
    model = segzoo.create_model("test_resnet", "unet", classes=4)
    model.set_grad_checkpointing()
    model.save_pretrained(tmp_path / "model")
    image = torch.rand(1, 3, 64, 64)
    assert torch.equal(segzoo.from_pretrained(tmp_path / "model").eval()(image), model.eval()(image))


@pytest.mark.parametrize("encoder", [synthetic(), nn.Identity()])
def test_an_encoder_that_can_t_says_so_and_the_decoder_stays(encoder):
    model = model_of()
    model.encoder = encoder
    with pytest.raises(segzoo.OptionError, match="no gradient checkpointing"):
        model.set_grad_checkpointing()
    assert not any("forward" in vars(module) for module in model.modules())


@pytest.mark.slow
def test_it_is_compiled_as_one_graph():
    model, image = segzoo.create_model(synthetic("few"), "unet", classes=4).train(), torch.rand(2, 3, 64, 64)
    compiled = copy.deepcopy(model)
    set_recomputing(compiled.decoder, True)
    logits, gradients = step(torch.compile(compiled, fullgraph=True, backend="aot_eager"), image)
    expected, expected_gradients = step(model, image)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(list(gradients.values()), list(expected_gradients.values()), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(dict(compiled.named_buffers()), dict(model.named_buffers()))
