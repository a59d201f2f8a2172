"""The demo of objects: what it leaves behind, and what it refuses before any training."""

import json

import pytest
from click.testing import CliRunner

import segzoo
from segzoo.cli.demo import demo as command
from segzoo.demo import objects
from segzoo.demo.objects import OBJECT_PAIRS, run_objects


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    output = tmp_path_factory.mktemp("demo") / "report"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "HELD_OUT", 8)
        given = ["--objects", "--pair", "vit_tiny_r_s16_p8_224+eomt", "--steps", "2", "--output", str(output), "--json"]
        result = CliRunner().invoke(command, given)
    assert result.exit_code == 0, result.output
    return output, json.loads(result.stdout)


@pytest.mark.slow
def test_a_run_leaves_a_picture_and_numbers(report):
    output, _ = report
    assert sorted(path.name for path in output.iterdir()) == ["models", "objects.json", "objects.png"]


@pytest.mark.slow
def test_all_tasks_are_scored_by_the_same_weights(report):
    output, (row,) = report
    assert row == json.loads((output / "objects.json").read_text())["results"][0]
    assert {"miou", "pq", "ap", "ap50"} < set(row)


@pytest.mark.parametrize("given", [{"steps": 0}, {"seed": -1}, {"minutes": 0.0}, {"pairs": ()}])
def test_what_cannot_be_is_refused(given, tmp_path):
    with pytest.raises(segzoo.OptionError, match="expected a pair"):
        run_objects(**{"output": tmp_path, **given})


def test_another_pair_is_left_to_training():
    result = CliRunner().invoke(command, ["--objects", "--pair", "resnet18+fpn"])
    assert result.exit_code == 2
    assert "`segzoo train` trains any other" in result.output


def test_each_pair_can_be_planned():
    for pair in OBJECT_PAIRS:
        assert segzoo.plan(pair.name.encoder, pair.name.decoder, **pair.options)
