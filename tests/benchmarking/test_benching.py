"""Pairs and runtimes: rows, and what is refused before anything runs."""

import json

import pytest
from PIL import Image

import segzoo
from segzoo.benchmarking import Benchmark, Conditions, Cost, Measured, Row, bench, benching, runtimes
from segzoo.benchmarking.plotting import read_scores, save_plot
from segzoo.errors import MissingExtraError, OptionError, UnknownNameError
from segzoo.host.pair_names import PairName

PAIRS = [PairName("test_resnet", "unet"), PairName("test_vit", "linear")]
COST = Cost(2_000_000, 10**9, 5.0, 0.1, 200.0, 8.0, 20.0, 0.0)


@pytest.fixture
def tasks(monkeypatch):
    """What other processes would have been asked."""
    asked = []

    def answer(task):
        asked.append(task)
        return Measured(None, "too small") if task.config["decoder"] == "linear" else Measured(COST)

    monkeypatch.setattr(benching, "measure", answer)
    return asked


def test_each_pair_in_each_runtime_is_a_row(tasks):
    found = bench(PAIRS, ["eager", "optimised"], quiet=True)
    assert [(row.pair, row.runtime) for row in found.rows] == [
        ("test_resnet+unet", "eager"), ("test_resnet+unet", "optimised"),
        ("test_vit+linear", "eager"), ("test_vit+linear", "optimised"),
    ]  # fmt: skip


def test_what_fails_is_a_row_with_its_reason(tasks):
    failed = bench(PAIRS, quiet=True).rows[1]
    assert (failed.cost, failed.reason) == (None, "too small")


def test_what_was_measured_before_it_is_stopped_is_kept(monkeypatch):
    answers = iter([Measured(COST)])

    def answer(task):
        for measured in answers:
            return measured
        raise KeyboardInterrupt

    monkeypatch.setattr(benching, "measure", answer)
    assert [row.pair for row in bench(PAIRS, quiet=True).rows] == ["test_resnet+unet"]
    with pytest.raises(KeyboardInterrupt):
        bench(PAIRS, quiet=True)


def test_conditions_reach_the_process(tasks):
    conditions = Conditions((32, 48), batch=3, threads=1)
    bench(PAIRS, conditions=conditions, quiet=True)
    assert tasks[0].conditions == conditions


def test_the_file_has_all_rows(tasks, tmp_path):
    bench(PAIRS, quiet=True).save_json(tmp_path / "found.json")
    content = json.loads((tmp_path / "found.json").read_text())
    assert [row["reason"] for row in content["rows"]] == ["", "too small"]
    assert content["rows"][0]["cost"]["milliseconds"] == 5.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pairs": []}, "expected a pair or more"),
        ({"runtimes": []}, "expected runtimes among eager, optimised, compile, onnx, got none"),
        ({"runtimes": ["eager", "tensorrt"]}, "got tensorrt"),
        ({"conditions": Conditions(device="cuda:99")}, "isn't among them; try cpu"),
        ({"conditions": Conditions(device="meta")}, "time can't be measured on 'meta'"),
        ({"conditions": Conditions(device="gpu")}, "there is no device 'gpu'"),
        ({"runtimes": ["onnx"], "conditions": Conditions(device="cuda")}, "measured on the CPU alone"),
    ],
)
def test_what_can_t_be_measured_is_refused_before_anything_runs(given, message, tasks, monkeypatch):
    monkeypatch.setattr(runtimes, "find_spec", lambda name: name)
    with pytest.raises(OptionError, match=message):
        bench(**{"pairs": PAIRS, "quiet": True, **given})
    assert tasks == []


def test_an_unknown_name_is_refused_before_anything_runs(tasks):
    with pytest.raises(UnknownNameError):
        bench([PAIRS[0], PairName("test_resnet", "unett")], quiet=True)
    assert tasks == []


def test_onnx_without_its_libraries_says_what_to_install(tasks, monkeypatch):
    monkeypatch.setattr(runtimes, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install"):
        bench(PAIRS, ["onnx"], quiet=True)


@pytest.mark.parametrize("given", [{"size": (0, 32)}, {"batch": 0}, {"threads": -1}, {"rounds": 0}, {"classes": 0}])
def test_a_number_out_of_range_is_refused(given):
    with pytest.raises(OptionError, match="to be 1 or more, got"):
        Conditions(**given)


@pytest.fixture
def benchmark():
    rows = Row("a+b", "eager", COST), Row("c+d", "eager", COST), Row("e+f", "eager", None, "no")
    return Benchmark(Conditions(), {}, "a processor", rows)


def test_a_plot_is_drawn(benchmark, tmp_path):
    save_plot(benchmark, tmp_path / "plot.png")
    assert Image.open(tmp_path / "plot.png").size[0] > 1000


def test_a_plot_against_miou_needs_some(benchmark, tmp_path):
    with pytest.raises(OptionError, match="nothing was measured that could be drawn"):
        save_plot(benchmark, tmp_path / "plot.png", {"g+h": 0.5})


def test_scores_are_those_of_a_comparison(tmp_path):
    rows = segzoo.comparison.Row("a+b", "complete", 0.7), segzoo.comparison.Row("c+d", "failed")
    segzoo.comparison.Comparison(rows, None).save(tmp_path)
    assert read_scores(tmp_path) == {"a+b": 0.7}


def test_a_file_of_something_else_has_no_scores(tmp_path):
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(OptionError, match="isn't what segzoo compare leaves"):
        read_scores(tmp_path / "other.json")
