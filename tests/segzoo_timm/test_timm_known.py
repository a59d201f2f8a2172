import json
from dataclasses import replace

import pytest
import timm
from click.testing import CliRunner

import segzoo
from segzoo_timm import known, refresh
from segzoo_timm.source import TimmSource

WRITTEN = json.loads(known.FILE.read_text())
MEASURED_WITH, KNOWN = WRITTEN["timm"], WRITTEN["architectures"]
OF_ALL_KINDS = [
    "resnet18",
    "deit_tiny_patch16_224",
    "coat_tiny",
    "efficientvit_m0",
    "densenet121",
    "convmixer_768_32",
]


def measure(name):
    return segzoo.measure_facts(TimmSource(), name)


def test_only_timm_s_architectures_are_known():
    assert set(KNOWN) <= set(timm.list_models())


@pytest.mark.skipif(timm.__version__ != MEASURED_WITH, reason="another timm has other architectures")
def test_every_architecture_is_known():
    assert set(timm.list_models()) <= set(KNOWN)


@pytest.mark.parametrize("name", OF_ALL_KINDS)
def test_what_is_known_is_what_is_measured(name):
    assert replace(known.known_facts(name), family="", weights=None) == measure(name)


def test_the_family_is_timm_s_module():
    assert known.known_facts("resnet18").family == "resnet"


def test_all_tags_are_listed_with_their_licence_the_default_first():
    weights = known.known_facts("resnet18").weights
    assert weights[0] == segzoo.PublishedWeights(timm.get_pretrained_cfg("resnet18").tag, "apache-2.0")
    assert segzoo.PublishedWeights("fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0") in weights


def test_a_tagged_name_has_the_weights_of_its_tag():
    facts = known.known_facts("resnet18.fb_swsl_ig1b_ft_in1k")
    assert facts.name == "resnet18.fb_swsl_ig1b_ft_in1k"
    assert facts.weights == (segzoo.PublishedWeights("fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0"),)


def test_an_architecture_without_weights_has_none():
    assert known.known_facts("resnet10t").weights
    assert known.known_facts("coatnet_4_224").weights == ()


def test_a_tag_for_another_image_size_is_measured():
    name, tag = next(
        (name, tag)
        for name in timm.list_pretrained()
        for tag in [name.partition(".")[2]]
        if timm.get_pretrained_cfg(name).input_size != timm.get_pretrained_cfg(name.partition(".")[0]).input_size
    )
    assert known.known_facts(name) is None
    assert [weights.tag for weights in TimmSource().facts(name).weights] == [tag]


@pytest.mark.parametrize("name", ["hf-hub:somebody/something", "local-dir:somewhere"])
def test_of_a_hub_s_or_folder_s_model_nothing_is_known(name):
    facts = segzoo.EncoderFacts(name, 1, segzoo.FeatureSpec((3,), (1,)))
    assert known.known_facts(name) is None
    assert known.with_family(facts) is facts


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file of two architectures, one of which timm no longer has."""
    file = tmp_path / "known.json"
    entries = dict.fromkeys(("resnet18", "resnet18_of_old"), KNOWN["resnet18"])
    file.write_text(json.dumps({"timm": "0.1", "architectures": entries}))
    monkeypatch.setattr(known, "FILE", file)
    known.known_architectures.cache_clear()
    yield file
    known.known_architectures.cache_clear()


@pytest.mark.exhaustive
def test_refreshing_keeps_the_others_and_drops_what_timm_no_longer_has(file):
    result = CliRunner().invoke(refresh.main, ["test_vi*", "resnet18", "--missing", "--jobs", "1"])
    assert result.exit_code == 0, result.output
    made = json.loads(file.read_text())
    assert made["timm"] == timm.__version__
    assert list(made["architectures"]) == ["resnet18", *timm.list_models("test_vi*")]
    assert made["architectures"]["test_vit"] == KNOWN["test_vit"]


def test_a_pattern_that_nothing_matches_is_an_error_and_changes_nothing(file):
    before = file.read_text()
    result = CliRunner().invoke(refresh.main, ["resnet18", "nothing*"])
    assert result.exit_code == 1
    assert "has no architecture that matches 'nothing*'" in result.output
    assert file.read_text() == before
