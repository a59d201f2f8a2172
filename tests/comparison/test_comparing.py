"""Many pairs under one budget: stopped early, failing, resumed, shared."""

import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch
from training.small_runs import write_shapes

import segzoo
from segzoo.benchmarking import Cost, Measured
from segzoo.comparison import compare, comparing
from segzoo.errors import DataError, OptionError
from segzoo.host.pair_names import PairName
from segzoo.metrics import Scores

SETTINGS = {"pretrained": False, "steps": 4, "batch_size": 4, "validate_every": 2, "workers": 0, "augment": False}
MEASURED = Measured(Cost(1000, 10**6, 1.0, 0.1, 1000.0, 4.0, 96.0, 0.0))
PAIRS = [PairName("test_resnet", "linear"), PairName("test_resnet", "segformer")]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return str(write_shapes(tmp_path_factory.mktemp("shapes") / "set", train=4, val=2))


@pytest.fixture
def unmeasured(monkeypatch):
    """Costs without a process for each."""
    monkeypatch.setattr(comparing, "measure", lambda task: MEASURED)


@pytest.fixture(scope="module")
def compared(data, tmp_path_factory):
    output = tmp_path_factory.mktemp("comparison")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparing, "measure", lambda task: MEASURED)
        return output, compare(data, PAIRS, output, settings=SETTINGS, prune=False, quiet=True)


@pytest.mark.slow
def test_each_pair_has_its_row(compared):
    _, found = compared
    assert {row.pair for row in found.rows} == {str(pair) for pair in PAIRS}
    assert {row.state for row in found.rows} == {"complete"}


@pytest.mark.slow
def test_the_best_comes_first(compared):
    _, found = compared
    assert found.rows[0].miou == max(row.miou for row in found.rows)


@pytest.mark.slow
def test_the_winner_can_be_loaded(compared):
    _, found = compared
    model = segzoo.from_pretrained(found.winner)
    assert model.plan.decoder.id == f"segzoo:{PairName.parse(found.rows[0].pair).decoder}"


@pytest.mark.slow
def test_a_comparison_that_is_done_trains_nothing_again(compared, data, monkeypatch):
    output, found = compared
    monkeypatch.setattr(comparing, "train", None)
    again = compare(data, PAIRS, output, settings=SETTINGS, prune=False, quiet=True)
    assert again.rows == found.rows


@pytest.mark.slow
def test_an_output_of_other_pairs_is_refused(compared, data):
    output, _ = compared
    with pytest.raises(OptionError, match="holds a comparison with other pairs"):
        compare(data, PAIRS[:1], output, settings=SETTINGS, quiet=True)


@pytest.mark.slow
def test_an_output_of_other_settings_is_refused(compared, data):
    output, _ = compared
    with pytest.raises(OptionError, match="holds a comparison with other settings"):
        compare(data, PAIRS, output, settings={**SETTINGS, "steps": 6}, quiet=True)


@pytest.mark.slow
def test_a_pair_that_fails_is_a_row_with_its_reason(data, tmp_path, unmeasured):
    pairs = [PairName("test_resnet", "nothing"), PAIRS[0]]
    found = compare(data, pairs, tmp_path, settings=SETTINGS, quiet=True)
    assert [(row.pair, row.state) for row in found.rows][-1] == ("test_resnet+nothing", "failed")
    assert "'nothing'" in found.rows[-1].reason


def test_no_pairs_are_an_error(data, tmp_path):
    with pytest.raises(OptionError, match="a pair or more"):
        compare(data, [], tmp_path)


def test_data_that_is_not_there_is_an_error_before_anything_trains(tmp_path):
    with pytest.raises(DataError, match="there is nothing at"):
        compare(str(tmp_path / "missing"), PAIRS, tmp_path / "output", settings=SETTINGS)


def test_settings_that_are_none_are_an_error(data, tmp_path):
    with pytest.raises(OptionError, match="stepz"):
        compare(data, PAIRS, tmp_path, settings={"stepz": 3})


@pytest.mark.slow
def test_weak_pairs_are_stopped_early(data, tmp_path, unmeasured, monkeypatch):
    """The first pair sets the mark; one whose scores are worse at the first rung is stopped there."""
    good, bad = Scores(torch.tensor([[90, 10], [10, 90]])), Scores(torch.tensor([[10, 90], [90, 10]]))
    learning = iter([good] * 8 + [bad] * 8)

    def train(settings, run, *, on_validation, **_):
        run.mkdir(parents=True)
        lines = ["step,miou"]
        for step in range(1, 9):
            scores = next(learning)
            lines.append(f"{step},{scores.miou}")
            (run / "metrics.csv").write_text("\n".join(lines))
            on_validation(step, scores)
        return SimpleNamespace(scores=scores)

    monkeypatch.setattr(comparing, "train", train)
    monkeypatch.setattr(comparing, "_winner", lambda *_: None)
    found = compare(data, PAIRS, tmp_path, settings=SETTINGS, quiet=True)
    assert [(row.state, row.validations) for row in found.rows] == [("complete", 8), ("stopped", 2)]


@pytest.mark.slow
def test_a_comparison_that_was_killed_goes_on(data, tmp_path):
    command = [
        sys.executable, "-m", "segzoo.cli", "compare", data, "--encoder", "test_resnet", "--decoder", "linear,fpn",
        "--steps", "40", "--no-pretrained", "--no-augment", "--workers", "0", "--batch-size", "4", "--quiet",
        "--output", str(tmp_path / "out"), "--set", "validate_every=4",
    ]  # fmt: skip
    with subprocess.Popen(command) as process:
        while not list(tmp_path.rglob("last.ckpt")):
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stdout.count(" complete") + ended.stdout.count("stopped after") == 2
    assert (tmp_path / "out" / "winner" / "config.json").is_file()
