"""The most memory that a call takes."""

import sys

import pytest
import torch

from segzoo.benchmarking.memory import MIB, peak

CPU = torch.device("cpu")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the largest size can't be forgotten elsewhere")


def take(mib):
    return torch.ones(mib * MIB, dtype=torch.uint8)


@linux
def test_what_a_call_takes_and_gives_back_is_seen():
    assert 60 * MIB <= peak(lambda: take(64), CPU) <= 80 * MIB


@linux
def test_a_larger_size_of_before_hides_nothing():
    take(256)
    assert 60 * MIB <= peak(lambda: take(64), CPU) <= 80 * MIB


def test_what_was_held_before_isn_t_counted():
    held = take(128)
    assert peak(lambda: None, CPU) < 16 * MIB
    del held
