"""What a process measures, and what becomes of one that fails."""

import json
import subprocess
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import segzoo
from segzoo.benchmarking import Conditions, Cost, Measured, Task, measure, measuring
from segzoo.benchmarking.here import count_multiply_adds, measure_here
from segzoo.errors import NegotiationError

TINY = {"encoder": "test_vit", "decoder": "linear"}
CONDITIONS = Conditions((32, 48), batch=2, classes=3, threads=1, rounds=2)


@pytest.fixture(scope="module")
def cost():
    """Measured in this process, which is what another one does too."""
    return measure_here(Task(TINY, conditions=CONDITIONS))


@pytest.fixture(scope="module")
def model():
    return segzoo.create_model(**TINY, classes=3)


def test_parameters_are_counted(cost, model):
    assert cost.parameters == sum(each.numel() for each in model.parameters())


def test_weights_are_weighed(cost, model):
    assert cost.weights == pytest.approx(sum(each.nbytes for each in model.state_dict().values()) / 2**20, abs=0.01)


def test_a_forward_takes_time(cost):
    assert cost.milliseconds > 0
    assert cost.spread >= 0


def test_throughput_counts_images(cost):
    assert cost.throughput == pytest.approx(2 * 1000 / cost.milliseconds, rel=0.9)


def test_a_cost_is_plain_data(cost):
    assert Cost(**json.loads(json.dumps(cost.to_dict()))) == cost


@pytest.mark.parametrize("runtime", ["optimised", pytest.param("onnx", marks=pytest.mark.slow)])
def test_other_runtimes_measure_the_same_model(cost, runtime):
    if runtime == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    other = measure_here(Task(TINY, runtime, CONDITIONS))
    assert (other.parameters, other.multiply_adds) == (cost.parameters, cost.multiply_adds)
    assert other.milliseconds > 0


class Known(nn.Module):
    """A convolution, or attention, whose multiply-adds anybody can count."""

    plan = SimpleNamespace(request=SimpleNamespace(in_channels=3))

    def __init__(self, attends):
        super().__init__()
        self.conv, self.attends = nn.Conv2d(3, 4, 3, padding=1), attends

    def forward(self, image):
        tokens = image.flatten(2).transpose(1, 2)
        return F.scaled_dot_product_attention(tokens, tokens, tokens) if self.attends else self.conv(image)


@pytest.mark.parametrize(("attends", "expected"), [(False, 8 * 16 * 3 * 4 * 9), (True, 2 * 128 * 128 * 3)])
def test_multiply_adds_are_those_of_convolutions_and_of_attention(attends, expected, monkeypatch):
    monkeypatch.setattr(segzoo, "create_model", lambda **_: Known(attends))
    assert count_multiply_adds({}, (8, 16)) == expected


def test_a_task_reaches_the_other_process_whole():
    task = Task(TINY, "optimised", CONDITIONS)
    assert Task.from_json(task.to_json()) == task


def test_an_answer_comes_back_whole(cost):
    assert Measured.from_json(Measured(cost).to_json()) == Measured(cost)


def test_what_can_t_be_planned_says_why():
    answer = measuring._answer(Task({"encoder": "test_resnet", "decoder": "eomt"}, conditions=CONDITIONS))
    assert answer.cost is None
    assert answer.reason.startswith(NegotiationError.__name__)


def ended(returncode, stdout="", stderr=""):
    return lambda *_, **__: subprocess.CompletedProcess((), returncode, stdout, stderr)


def test_a_process_that_is_killed_points_at_memory(monkeypatch):
    monkeypatch.setattr(subprocess, "run", ended(-9))
    assert measure(Task(TINY)).reason == "killed by signal 9, most likely since memory was full"


def test_a_process_that_fails_leaves_its_last_word(monkeypatch):
    monkeypatch.setattr(subprocess, "run", ended(1, stderr="Traceback\nImportError: no torch\n"))
    assert measure(Task(TINY)) == Measured(None, "ImportError: no torch")


@pytest.mark.slow  # it imports everything again
def test_another_process_measures_the_same_model(cost):
    elsewhere = measure(Task(TINY, conditions=CONDITIONS))
    assert elsewhere.cost.parameters == cost.parameters


@pytest.mark.slow  # it compiles
def test_a_compiled_model_is_measured(cost):
    assert measure_here(Task(TINY, "compile", CONDITIONS)).parameters == cost.parameters


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_memory_of_a_gpu_is_what_torch_allocates():
    small, large = (
        measure_here(Task(TINY, conditions=Conditions((side, side), device="cuda", rounds=2))).memory
        for side in (64, 256)
    )
    assert 0 < small < large
