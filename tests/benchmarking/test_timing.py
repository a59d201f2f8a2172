"""Timing, with a clock that doesn't depend on the machine."""

import time

import pytest
import torch

from segzoo.benchmarking import timing
from segzoo.benchmarking.timing import FEWEST, WARM_UP, Timing

CPU = torch.device("cpu")


@pytest.fixture
def forward(monkeypatch):
    """Takes 9 seconds while it warms up, then 1, 2, 3, ... by the clock."""
    now, calls = [0.0], []

    def run():
        calls.append(None)
        now[0] += 9.0 if len(calls) <= WARM_UP else len(calls) - WARM_UP

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return run


def test_the_warm_up_isn_t_timed(forward):
    assert Timing.of(forward, CPU, 1).median == 1


def test_median_and_mean_are_of_as_many_rounds_as_asked_for(forward):
    found = Timing.of(forward, CPU, 4)
    assert (found.median, found.mean) == (2.5, 2.5)


def test_the_spread_is_half_the_range_of_the_middle_half(forward):
    assert Timing.of(forward, CPU, 3).spread == 1


def test_a_second_is_filled_and_five_forwards_at_least(forward, monkeypatch):
    monkeypatch.setattr(timing, "SPAN", 0.0)
    assert Timing.of(forward, CPU, None).median == (FEWEST + 1) / 2
