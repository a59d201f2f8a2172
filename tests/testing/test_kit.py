"""The kit itself: how checks are named, run, expected to fail, and turned into pytest tests."""

import json
import subprocess
import sys
from pathlib import Path

import planted
import pytest
from click.testing import CliRunner, Result
from throwaway import decoder, provides, write_distribution

import segzoo
from segzoo import testing
from segzoo.cli import main
from segzoo.testing import CATALOGUE, ConformanceError, SyntheticEncoder, check, checks
from segzoo.verification import call_on_meta, probe_image, verify_features

GRADIENTS = next(each for each in checks("decoder") if each.name == "gradients")
QUICK = [each.name for each in checks("decoder") if not each.slow]


@pytest.fixture
def without_slow_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    suites = {
        kind: tuple(examine for examine in suite if examine not in testing.suites.SLOW)
        for kind, suite in testing.suites.SUITES.items()
    }
    monkeypatch.setattr(testing.suites, "SUITES", suites)


@pytest.mark.parametrize("kind", ["decoder", "encoder", "neck"])
def test_every_check_says_what_it_promises(kind: str) -> None:
    for each in checks(kind):
        assert each.promise.endswith("."), each.name
        assert str(each) == each.name


def test_there_are_no_checks_for_another_kind() -> None:
    with pytest.raises(segzoo.OptionError, match="decoder, encoder, neck"):
        checks("head")


def test_an_expected_failure_is_no_failure() -> None:
    result = GRADIENTS(planted.UnusedLayer, expected_failures={"gradients": "a layer for later"})
    assert (result.status, result.reason) == ("expected failure", "a layer for later")


def test_an_expected_failure_that_passes_is_a_failure() -> None:
    with pytest.raises(ConformanceError, match="gradients: it passes, and was expected to fail: a layer for later"):
        GRADIENTS(planted.Honest, expected_failures={"gradients": "a layer for later"})


@pytest.mark.parametrize(
    ("expected", "told"),
    [({"gradient": "why"}, "no check 'gradient'.*did you mean 'gradients'"), ({"gradients": " "}, "needs a reason")],
)
def test_an_expected_failure_names_a_check_and_a_reason(expected: dict[str, str], told: str) -> None:
    with pytest.raises(segzoo.OptionError, match=told):
        GRADIENTS(planted.Honest, expected_failures=expected)


def test_options_build_the_subject() -> None:
    assert GRADIENTS(planted.Honest, options={"width": 16}).status == "pass"
    with pytest.raises(segzoo.OptionError, match="no option 'depth'"):
        GRADIENTS(planted.Honest, options={"depth": 2})


def test_a_decoder_that_is_built_already_can_t_be_checked() -> None:
    built = planted.Honest(CATALOGUE["mit"].spec.select((2, 3, 4, 5)))
    with pytest.raises(segzoo.OptionError, match=r"a name or a segzoo\.Decoder class"):
        GRADIENTS(built)


def test_a_check_leaves_the_random_state_as_it_was() -> None:
    import torch

    before = torch.get_rng_state()
    GRADIENTS.run(planted.Honest)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_catalogue_s_encoders_do_what_they_declare(name: str) -> None:
    encoder = SyntheticEncoder(name, in_channels=2)
    image = probe_image(encoder.spec, encoder.input_spec, 2)
    verify_features(name, encoder.spec, image, call_on_meta(encoder, image))


def placement(spec: segzoo.FeatureSpec) -> tuple[tuple[int, int], ...]:
    """Stage and stride of each map that an encoder computes."""
    computed = [stage for stage in spec.native if stage > 0 or spec.channels[stage] != 3]
    return tuple((stage, spec.strides[stage]) for stage in computed)


def test_the_catalogue_has_every_pattern_of_strides_that_timm_has() -> None:
    source = segzoo.host.sources.find_encoder("timm/resnet18").source
    facts = [source.known_facts(name) for name in source.names()]
    theirs = {placement(each.spec) for each in facts if each}
    assert len(theirs) > 10
    assert theirs <= {placement(pattern.spec) for pattern in CATALOGUE.values()}


@pytest.mark.slow
@pytest.mark.usefixtures("without_slow_checks")
def test_the_kind_of_a_subject_is_found_out() -> None:
    assert [result.name for result in check("simple_pyramid")] == [
        each.name for each in checks("neck") if not each.slow
    ]


def test_a_name_that_nothing_has_is_an_error() -> None:
    with pytest.raises(segzoo.UnknownNameError, match="no decoder, neck or encoder 'unett'"):
        check("unett")


PYTEST_CLASS = """
import planted
import segzoo.testing

class TestUnusedLayer(segzoo.testing.DecoderConformance):
    subject = planted.UnusedLayer
    expected_failures = {"gradients": "a layer for later", "hooks": "it isn't called yet"}
"""


@pytest.mark.slow
def test_a_class_makes_a_test_of_each_check(tmp_path: Path) -> None:
    (tmp_path / "test_unused.py").write_text(PYTEST_CLASS)
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {Path(__file__).parent.parent}\n")
    chosen = " or ".join(f"test_{name}" for name in QUICK)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-k", chosen, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert f"{len(QUICK) - 5} passed, 3 skipped" in done.stdout, done.stdout
    assert "2 xfailed" in done.stdout


@pytest.mark.slow
def test_the_kit_needs_no_pytest() -> None:
    code = "import sys, segzoo.testing; sys.exit('pytest' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments])


@pytest.mark.usefixtures("without_slow_checks")
def test_the_command_prints_a_row_per_check() -> None:
    done = run("linear")
    assert done.exit_code == 0, done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[2:-2]] == QUICK
    assert f"{len(QUICK)} checks" in done.stdout


@pytest.mark.usefixtures("without_slow_checks")
def test_the_command_fails_when_a_check_does(path: Path) -> None:
    spec = decoder("unused", "planted:UnusedLayer", summary="s", paper="arXiv:1", license="MIT")
    write_distribution(path, "unused", provides("decoders", spec))
    done = run("unused", "--kind", "decoder", "--json")
    assert done.exit_code == 1
    assert {row["check"]: row["status"] for row in json.loads(done.stdout)} == dict.fromkeys(QUICK, "pass") | {
        "coarser_maps": "skipped",
        "gradients": "fail",
        "hooks": "fail",
    }
