"""Ranking, the Pareto front, and the files."""

import json

import pytest
from PIL import Image

from segzoo.benchmarking import Cost
from segzoo.comparison import Comparison, Row, pareto_front
from segzoo.comparison.results import ranked


def row(pair, miou, milliseconds, state="complete"):
    return Row(pair, state, miou, 10, Cost(1_000_000, 10**9, milliseconds, 0.1, 1000 / milliseconds, 4.0, 296.0, 0.0))


ROWS = [row("slow", 0.9, 30.0), row("quick", 0.7, 10.0), row("worse", 0.6, 20.0), row("middle", 0.8, 20.0)]


def test_the_front_is_what_nothing_is_better_than():
    front = pareto_front(ROWS, lambda cost: cost.milliseconds)
    assert [each.pair for each in front] == ["quick", "middle", "slow"]


def test_of_two_at_one_cost_the_better_is_on_the_front():
    front = pareto_front([row("a", 0.5, 1.0), row("b", 0.6, 1.0)], lambda cost: cost.milliseconds)
    assert [each.pair for each in front] == ["b"]


def test_what_was_not_measured_is_not_on_the_front():
    assert pareto_front([Row("a", "failed")], lambda cost: cost.milliseconds) == []


def test_pairs_that_were_stopped_come_behind_those_that_were_not():
    rows = [Row("failed", "failed"), row("stopped", 0.9, 1.0, "stopped"), row("low", 0.2, 1.0), row("high", 0.8, 1.0)]
    assert [each.pair for each in ranked(rows)] == ["high", "low", "stopped", "failed"]


@pytest.fixture
def saved(tmp_path):
    rows = (*ROWS, row("stopped", 0.3, 5.0, "stopped"), Row("failed", "failed", reason="no such encoder"))
    Comparison(rows, None).save(tmp_path)
    return tmp_path


def test_the_file_has_all_rows(saved):
    content = json.loads((saved / "comparison.json").read_text())
    assert [each["pair"] for each in content["rows"]][-1] == "failed"
    assert content["rows"][0]["cost"]["milliseconds"] == 30.0


def test_the_picture_is_drawn(saved):
    assert Image.open(saved / "comparison.png").size[0] > 1000
