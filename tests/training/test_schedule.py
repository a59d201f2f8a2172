"""The learning rate over a run."""

import io

import pytest
import torch
from torch import nn

from segzoo.errors import OptionError
from segzoo.training.schedule import schedule


def optimizer_of(*rates):
    return torch.optim.SGD([{"params": [nn.Parameter(torch.zeros(1))], "lr": rate} for rate in rates])


def rates(steps, **options):
    optimizer = optimizer_of(1.0)
    following = schedule(optimizer, steps, **options)
    seen = []
    for _ in range(steps + 1):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        following.step()
    return seen


@pytest.mark.parametrize("kind", ["poly", "cosine"])
def test_it_rises_to_the_full_rate_then_falls_to_nothing(kind):
    seen = rates(20, warmup=0.25, kind=kind)
    assert seen[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert seen[5:] == sorted(seen[5:], reverse=True)
    assert seen[-2] > 0
    assert seen[-1] == pytest.approx(0, abs=1e-12)


def test_poly_is_torch_s():
    optimizer = optimizer_of(1.0)
    theirs = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=10, power=0.9)
    expected = []
    for _ in range(11):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    assert rates(10, warmup=0.0, kind="poly") == pytest.approx(expected)


def test_cosine_is_torch_s():
    optimizer = optimizer_of(1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    expected = []
    for _ in range(11):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        theirs.step()
    assert rates(10, warmup=0.0, kind="cosine") == pytest.approx(expected, abs=1e-12)


def test_groups_keep_their_shares():
    optimizer = optimizer_of(1.0, 0.1)
    following = schedule(optimizer, 10, warmup=0.5)
    for _ in range(7):
        first, second = (group["lr"] for group in optimizer.param_groups)
        assert second == pytest.approx(0.1 * first)
        optimizer.step()
        following.step()


def test_beyond_the_end_the_rate_stays_at_nothing():
    assert rates(1, warmup=0.0)[-1] == 0


def test_its_state_is_loaded_as_weights_alone_and_goes_on():
    optimizer = optimizer_of(1.0)
    following = schedule(optimizer, 10)
    for _ in range(3):
        optimizer.step()
        following.step()
    file = io.BytesIO()
    torch.save(following.state_dict(), file)
    file.seek(0)
    other = optimizer_of(1.0)
    resumed = schedule(other, 10)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    other.step()
    resumed.step()
    optimizer.step()
    following.step()
    assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"warmup": 1.0}, {"warmup": -0.1}, {"kind": "step"}])
def test_a_value_out_of_range_is_an_error(wrong):
    with pytest.raises(OptionError):
        schedule(optimizer_of(1.0), **{"steps": 10, **wrong})
