"""The weights' moving average."""

import io

import pytest
import torch
from torch import nn

from segzoo.errors import OptionError
from segzoo.training.average import moving_average


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(2)
        self.register_buffer("indices", torch.arange(200))


def test_it_is_the_sum_that_the_decay_says():
    model = Counting()
    average = moving_average(model, 0.5)
    average.update(model, step=1)
    nn.init.constant_(model.norm.weight, 3.0)
    for step in (1001, 1002):
        average.update(model, step=step)
    assert average.module.norm.weight.tolist() == pytest.approx([0.25 * 1 + 0.75 * 3] * 2)


def test_the_first_step_forgets_random_weights():
    model = Counting()
    average = moving_average(model, 0.999)
    nn.init.constant_(model.norm.weight, 3.0)
    average.update(model, step=1)
    assert average.module.norm.weight.tolist() == [3.0, 3.0]


def test_a_short_run_s_average_has_left_its_beginning():
    model = Counting()
    average = moving_average(model, 0.999)
    average.update(model, step=1)
    nn.init.constant_(model.norm.weight, 3.0)
    for step in range(2, 100):
        average.update(model, step=step)
    assert average.module.norm.weight.min() > 2.9


def test_running_statistics_follow():
    model = Counting()
    average = moving_average(model, 0.0)
    model.norm(torch.rand(4, 2, 3, 3))
    average.update(model, step=5)
    assert torch.equal(average.module.norm.running_mean, model.norm.running_mean)


@pytest.mark.parametrize("decay", [0.9, 0.9995, 0.9999])
def test_integers_stay_what_they_are(decay):
    model = Counting()
    average = moving_average(model, decay)
    for step in range(100_000, 100_200):
        average.update(model, step=step)
    assert torch.equal(average.module.indices, model.indices)


def test_its_weights_ask_for_no_gradient_and_the_model_s_still_do():
    model = Counting()
    average = moving_average(model)
    assert not any(weight.requires_grad for weight in average.parameters())
    assert all(weight.requires_grad for weight in model.parameters())


def test_its_state_is_loaded_as_weights_alone():
    average = moving_average(Counting())
    nn.init.constant_(average.module.norm.weight, 3.0)
    file = io.BytesIO()
    torch.save(average.state_dict(), file)
    file.seek(0)
    other = moving_average(Counting())
    other.load_state_dict(torch.load(file, weights_only=True))
    assert other.module.norm.weight.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_a_decay_out_of_range_is_an_error(decay):
    with pytest.raises(OptionError, match="decay"):
        moving_average(Counting(), decay)
