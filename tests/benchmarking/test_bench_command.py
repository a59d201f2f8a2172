"""`segzoo bench`."""

import json

import pytest
from click.testing import CliRunner

from segzoo.benchmarking import Cost, Measured, benching
from segzoo.cli import main


@pytest.fixture
def run(monkeypatch):
    """The command, without processes."""
    cost = Cost(2_000_000, 3 * 10**9, 5.0, 0.1, 200.0, 8.0, None, 0.0)
    answers = {"unet": Measured(cost), "linear": Measured(None, "too small")}
    monkeypatch.setattr(benching, "measure", lambda task: answers[task.config["decoder"]])
    return lambda *given: CliRunner().invoke(main, ["bench", *map(str, given)])


def test_a_table_is_printed(run):
    result = run("test_resne[t]", "unet,linear", "--runtime", "eager,optimised")
    assert result.exit_code == 0
    assert "3.00 G" in result.output
    assert "too small" in result.output
    assert "4 rows" in result.output


def test_nothing_measured_is_a_failure(run):
    assert run("test_resnet", "linear").exit_code == 1


def test_json_is_printed_and_the_plot_written(run, tmp_path):
    result = run("test_resnet", "unet", "--json", "--plot", tmp_path / "a.png")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["rows"][0]["pair"] == "test_resnet+unet"
    assert (tmp_path / "a.png").is_file()


def test_a_file_that_exists_is_kept_without_force(run, tmp_path):
    kept = tmp_path / "a.png"
    kept.write_text("mine")
    result = run("test_resnet", "unet", "--plot", kept)
    assert result.exit_code == 1
    assert "exists; give another name, or --force" in result.output
    assert kept.read_text() == "mine"


def test_a_file_that_exists_is_replaced_with_force(run, tmp_path):
    (tmp_path / "a.png").write_text("mine")
    assert run("test_resnet", "unet", "--plot", tmp_path / "a.png", "--force").exit_code == 0
    assert (tmp_path / "a.png").read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("resnot*", "unet"), "no encoder matches 'resnot*'"),
        (("test_resnet", "unett"), "unett"),
        (("test_resnet", ","), "expected names or patterns"),
        (("test_resnet", "unet", "--runtime", "cuda"), "expected runtimes among"),
        (("test_resnet", "unet", "--size", "0"), "expected height to be 1 or more"),
        (("test_resnet", "unet", "--scores", "nowhere"), "isn't what segzoo compare leaves"),
    ],
)
def test_bad_input_is_one_line(run, given, message):
    result = run(*given)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output
