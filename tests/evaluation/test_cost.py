import subprocess

import pytest
import torch

import segzoo
from segzoo.errors import InputError
from segzoo.evaluation import measure

TINY = {"encoder": "test_vit", "decoder": "linear", "classes": 3}


@pytest.fixture(scope="module")
def cost():
    """Measured in this process, which is what another one does too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segzoo.evaluation.cost, "SPAN", 0.0)
        return segzoo.evaluation.cost._measure(segzoo.create_model(**TINY).config, (64, 96), "cpu", None)


@pytest.mark.slow  # it imports everything again
def test_another_process_measures_the_same_model(cost):
    elsewhere = measure(segzoo.create_model(**TINY).config, (64, 96), threads=1)
    assert elsewhere.parameters == cost.parameters
    assert elsewhere.milliseconds > 0


def test_parameters_are_counted(cost):
    model = segzoo.create_model(**TINY)
    assert cost.parameters == sum(each.numel() for each in model.parameters())


def test_memory_holds_the_weights_but_not_torch(cost):
    weights = sum(each.nbytes for each in segzoo.create_model(**TINY).state_dict().values()) / 2**20
    assert weights <= cost.memory < 150


def test_a_forward_takes_time(cost):
    assert cost.milliseconds > 0
    assert cost.spread >= 0


def test_a_cost_is_plain_data(cost):
    assert set(cost.to_dict()) == {"parameters", "milliseconds", "spread", "memory"}


def ended(returncode, stdout="", stderr=""):
    return lambda *_, **__: subprocess.CompletedProcess((), returncode, stdout, stderr)


def test_what_can_t_be_built_says_why(monkeypatch):
    monkeypatch.setattr(
        subprocess, "run", ended(1, stderr="Traceback\n  ...\nUnknownNameError: there is no decoder 'u'\n")
    )
    with pytest.raises(InputError, match=r"on an image of 64x96: UnknownNameError: there is no decoder 'u'$"):
        measure(TINY, (64, 96))


def test_a_process_that_is_killed_points_at_memory(monkeypatch):
    monkeypatch.setattr(subprocess, "run", ended(-9))
    with pytest.raises(InputError, match="killed, most likely since memory was full"):
        measure(TINY, (64, 64))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_memory_of_a_gpu_is_what_torch_allocates():
    small, large = (measure(TINY, (side, side), "cuda").memory for side in (64, 256))
    assert 0 < small < large
