"""`segzoo export` on the command line."""

import json

import pytest
from click.testing import CliRunner

import segzoo
from segzoo.cli import main
from segzoo.exporting.exported import Exported
from segzoo.exporting.verification import Verified


@pytest.fixture
def asked(exported, monkeypatch):
    """What the function was asked for, in place of doing it."""
    calls = []

    def export(model, path, to, **options):
        calls.append((model, path, to, options))
        return Exported(path, exported.manifest, (613, 741), (Verified((1, 97, 131), 2e-6),))

    monkeypatch.setattr(segzoo, "export", export)
    monkeypatch.setattr(segzoo, "from_pretrained", lambda name: name)
    return calls


def run(*arguments):
    return CliRunner().invoke(main, ["export", *arguments])


def test_options_reach_the_function(asked, tmp_path):
    path = str(tmp_path / "a.xml")
    done = run("roads", "--to", "openvino", "--output", path, "--size", "64x96", "--half", "--class-map")
    assert done.exit_code == 0, done.output
    ((model, given, to, options),) = asked
    assert (model, str(given), to) == ("roads", path, "openvino")
    assert options["size"] == (64, 96)
    assert options["half"]
    assert options["classes"]
    assert not options["with_preprocessing"]
    assert "within 2e-06 of the largest logit at 1x97x131" in done.output


def test_json_has_what_was_verified(asked, tmp_path):
    done = run("roads", "--output", str(tmp_path / "a.onnx"), "--json")
    assert json.loads(done.stdout)["verified"] == [{"shape": [1, 97, 131], "difference": 2e-6}]


@pytest.mark.parametrize("half", [["--int8"], ["--calibration", "."]])
def test_int8_and_calibration_go_together(half):
    done = run("roads", "--output", "a.onnx", *half)
    assert done.exit_code == 2
    assert "go together" in done.output
