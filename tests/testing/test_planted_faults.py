"""What the kit is for: a planted fault fails the check of its promise, and no other."""

from pathlib import Path

import planted
import pytest
from throwaway import decoder, provides, write_distribution

import segzoo
from segzoo.testing import ConformanceError, checks

HEAVY = decoder("heavy", "planted:Honest", summary="imports too much", paper="arXiv:1", license="MIT")
CHECKS = {each.name: each for each in checks("decoder")}


def failures(subject: str | type[segzoo.Decoder], slow: bool = False) -> dict[str, str]:
    results = [each.run(subject) for each in CHECKS.values() if each.slow == slow]
    return {result.name: result.reason for result in results if result.failed}


@pytest.mark.parametrize("honest", [planted.Honest, planted.Classifying, planted.Querying])
def test_a_decoder_that_keeps_its_promises_fails_none(honest: type[segzoo.Decoder]) -> None:
    assert failures(honest) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "innocent",
    [
        planted.Honest,
        planted.Classifying,
        planted.Querying,
        planted.SizedByIndex,
        planted.UnusedLayer,
        planted.WritingIntoItsInput,
        planted.LyingNegotiation,
    ],
)
def test_the_slow_checks_pass_where_the_fault_is_another(innocent: type[segzoo.Decoder]) -> None:
    assert failures(innocent, slow=True) == {}


def test_a_decoder_that_computes_sizes_from_indices() -> None:
    found = failures(planted.SizedByIndex)
    assert list(found) == ["sizes"]
    assert "take sizes from tensors" in found["sizes"]


def test_a_decoder_that_keeps_an_unused_layer() -> None:
    found = failures(planted.UnusedLayer)
    assert list(found) == ["gradients", "hooks"]  # which is never called either
    assert "forgotten.weight, forgotten.bias" in found["gradients"]


def test_a_decoder_that_writes_into_its_input() -> None:
    found = failures(planted.WritingIntoItsInput)
    assert list(found) == ["untouched_inputs"]
    assert "writes into input 0" in found["untouched_inputs"]


def test_a_decoder_whose_negotiation_lies() -> None:
    found = failures(planted.LyingNegotiation)
    assert list(found) == ["negotiation"]
    assert "doesn't welcome" in found["negotiation"]


@pytest.mark.slow
def test_a_decoder_that_needs_torch_to_register(path: Path) -> None:
    write_distribution(path, "heavy", f"import torch\n{provides('decoders', HEAVY)}")
    found = failures("heavy")
    assert list(found) == ["registration"]
    assert "registering plugin heavy:heavy imports torch" in found["registration"]


@pytest.mark.parametrize(
    ("fault", "name", "told"),
    [
        (planted.Forgetful, "negotiation", "two answers to one offer"),
        (planted.SelectingWhatIsNot, "negotiation", "stages 0 to 5, it selects"),
        (planted.RefusingWrongly, "negotiation", "with ValueError"),
        (planted.RefusingAll, "negotiation", "refuses every encoder"),
        (planted.OtherChannels, "out_channels", r"declared features \(B, 8, h, w\), returned shape \(2, 7\)"),
        (planted.OtherCoarserMaps, "coarser_maps", r"declared coarser maps of \(8, 8\) channels, returned \(8,\)"),
        (planted.OptionThatIsNoData, "options", "must be plain data"),
        (planted.OptionThatJSONChanges, "options", "build another decoder"),
        (planted.EmptyParameters, "no_empty_parameters", "without elements"),
        (planted.PooledBatchNorm, "batch_of_one", "more than 1 value per channel"),
        (planted.LosingPrecision, "bfloat16", "off by"),
        (planted.OfOneLayout, "channels_last", "view"),
        (planted.Random, "deterministic", "two forwards in eval mode differ"),
        (planted.CountingForwards, "deterministic", "changes count"),
        (planted.Unsaved, "state_dict", "gives another output"),
        (planted.OnOneDevice, "meta", "built elsewhere than on the default device: scale"),
        (planted.ReadingItsChild, "wrapped_children", "'PassThrough' object has no attribute 'conv'"),
        (planted.SkippingAChild, "hooks", "in eval mode, with gradients: never called are last"),
        (planted.WithoutTransforms, "functional", "setup_context"),
        (planted.DecidingByValue, "compile", "data-dependent"),
        (planted.DecidingBySize, "export", "exported at 2x613x741, run at 1x79x65 the output is off by"),
        pytest.param(planted.WithoutONNX, "onnx", "bessel", marks=pytest.mark.slow),
    ],
)
def test_every_check_can_fail(fault: type[segzoo.Decoder], name: str, told: str) -> None:
    with pytest.raises(ConformanceError, match=f"{name}: .*(?i:{told})"):
        CHECKS[name](fault)


def test_a_descriptor_that_leaves_something_out(path: Path) -> None:
    write_distribution(path, "terse", provides("decoders", decoder("terse", "planted:Honest", summary="short")))
    with pytest.raises(ConformanceError, match="the descriptor of terse:terse leaves out paper, license"):
        CHECKS["descriptor"]("terse")


def test_a_descriptor_whose_target_is_no_decoder(path: Path) -> None:
    odd = decoder("odd", "collections:OrderedDict", summary="odd", paper="arXiv:1", license="MIT")
    write_distribution(path, "odd", provides("decoders", odd))
    with pytest.raises(ConformanceError, match=r"odd:odd is no segzoo\.Decoder: collections:OrderedDict is"):
        CHECKS["descriptor"]("odd")


def test_a_plugin_that_is_slow_to_register(path: Path) -> None:
    write_distribution(path, "heavy", f"import time\ntime.sleep(0.2)\n{provides('decoders', HEAVY)}")
    with pytest.raises(ConformanceError, match=r"took 2\d\d ms of 100"):
        CHECKS["registration"]("heavy")
