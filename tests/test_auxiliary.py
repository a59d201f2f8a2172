"""Auxiliary heads in training: their logits come out of `forward`, so that a wrapper sees them used."""

from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
from synthetic import synthetic
from torch import multiprocessing
from torch.nn.parallel import DistributedDataParallel

import segzoo
import segzoo.testing

STEPS = 3


def model_of(**options):
    torch.manual_seed(0)
    model = segzoo.create_model(synthetic("resnet"), "linknet", **{"classes": 4, "auxiliary": [4, 3]} | options)
    return model.eval()  # batch norms by running statistics: a batch's halves then give what the batch gives


def loss_of(logits, auxiliary):
    return logits.square().mean() + 0.4 * sum(each.square().mean() for each in auxiliary.values())


def image():
    return torch.rand(2, 3, 33, 47, generator=torch.Generator().manual_seed(0))


def test_they_give_logits_of_their_stage():
    model = model_of()
    logits, auxiliary = model(image(), auxiliary=True)
    assert torch.equal(logits, model(image()))
    assert {stage: each.shape for stage, each in auxiliary.items()} == {3: (2, 4, 33, 47), 4: (2, 4, 33, 47)}


def test_with_named_heads_they_are_named_too():
    auxiliary = model_of(classes=None, heads={"a": 2, "b": 3})(image(), auxiliary=True)[1]
    assert {name: each.shape for name, each in auxiliary[4].items()} == {"a": (2, 2, 33, 47), "b": (2, 3, 33, 47)}


def test_a_model_without_them_gives_none():
    logits, auxiliary = model_of(auxiliary=())(image(), auxiliary=True)
    assert logits.shape == (2, 4, 33, 47)
    assert auxiliary == {}


@pytest.mark.parametrize("stages", [[0], [1], [9], [3, 3], 3])
def test_one_needs_a_stage_with_a_map(stages):
    with pytest.raises(segzoo.OptionError, match="stages that hold a map"):
        segzoo.create_model(synthetic("mit"), "unet", classes=4, auxiliary=stages)


@pytest.mark.slow
def test_they_are_compiled_as_one_graph():
    model = segzoo.create_model(synthetic("few"), "linear", classes=4, auxiliary=[2]).eval()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(image(), auxiliary=True), model(image(), auxiliary=True))


SUPERVISED = {"decoder_options": {"deep_supervision": True}}


@pytest.mark.parametrize(("decoder", "scales"), [("nnunet", 2), ("emcad", 3)])
def test_a_decoder_may_be_supervised_at_its_coarser_scales(decoder, scales):
    model = segzoo.create_model(synthetic("resnet"), decoder, classes=4, auxiliary=[4], **SUPERVISED).eval()
    logits, auxiliary = model(image(), auxiliary=True)
    assert torch.equal(logits, model(image()))
    assert list(auxiliary) == [4, *(-scale for scale in range(1, scales + 1))]
    assert {each.shape for each in auxiliary.values()} == {(2, 4, 33, 47)}


@pytest.mark.parametrize(("decoder", "earlier"), [("knet", 3), ("pointrend", 1)])
def test_a_decoder_around_another_is_supervised_at_what_it_refined(decoder, earlier):
    model = segzoo.create_model(synthetic("resnet"), decoder, heads={"a": 2, "b": 3}).eval()
    logits, auxiliary = model(image(), auxiliary=True)
    assert list(auxiliary) == [-number for number in range(1, earlier + 1)]
    assert all(each["b"].shape == logits["b"].shape == (2, 3, 33, 47) for each in auxiliary.values())
    assert not model.coarser.state_dict()


def test_each_scale_s_head_learns_and_none_is_left_over():
    model = segzoo.create_model(synthetic("resnet"), "nnunet", classes=None, heads={"a": 2, "b": 3}, **SUPERVISED)
    logits, auxiliary = model(image(), auxiliary=True)
    for each in (logits, *auxiliary.values()):
        (each["a"].square().mean() + each["b"].square().mean()).backward(retain_graph=True)
    assert not [name for name, parameter in model.named_parameters() if parameter.grad is None]


def test_without_being_asked_for_they_have_no_heads():
    model = segzoo.create_model(synthetic("resnet"), "nnunet", classes=4)
    assert model(image(), auxiliary=True)[1] == {}
    assert not model.coarser


def test_the_heads_of_coarser_scales_are_saved_and_begin_anew_for_other_classes(tmp_path):
    model = segzoo.create_model("test_resnet", "emcad", classes=4, **SUPERVISED).eval()
    model.save_pretrained(tmp_path / "model")
    same = segzoo.from_pretrained(tmp_path / "model")
    torch.testing.assert_close(same(image(), auxiliary=True), model(image(), auxiliary=True))
    with pytest.warns(segzoo.CheckpointWarning, match=r"coarser\.0\..* are initialised anew"):
        other = segzoo.from_pretrained(tmp_path / "model", classes=2)
    assert [each.shape[1] for each in other(image(), auxiliary=True)[1].values()] == [2] * len(model.coarser)


@pytest.mark.parametrize("decoder", ["nnunet", "emcad"])
def test_coarser_maps_are_as_declared(decoder):
    (check,) = (each for each in segzoo.testing.checks("decoder") if each.name == "coarser_maps")
    check(decoder, options={"deep_supervision": True})


def gradients(model):
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}


def train(rank, folder, with_auxiliary):
    """Some steps of one of two processes, each of which has half of the batch."""
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/group", rank=rank, world_size=2, timeout=timedelta(seconds=60)
    )
    model = model_of()
    model.auxiliary.requires_grad_(with_auxiliary)
    parallel = DistributedDataParallel(model)
    half = image()[rank : rank + 1]
    for _ in range(STEPS):
        model.zero_grad()
        outputs = parallel(half, auxiliary=True) if with_auxiliary else (parallel(half), {})
        loss_of(*outputs).backward()
    torch.save(gradients(model), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize("with_auxiliary", [True, False])
def test_in_two_processes_the_gradients_are_those_of_the_whole_batch(tmp_path, with_auxiliary):
    multiprocessing.spawn(train, (tmp_path, with_auxiliary), nprocs=2)
    model = model_of()
    logits, auxiliary = model(image(), auxiliary=True)
    loss_of(logits, auxiliary if with_auxiliary else {}).backward()
    for rank in range(2):
        torch.testing.assert_close(torch.load(tmp_path / f"{rank}.pt"), gradients(model))
