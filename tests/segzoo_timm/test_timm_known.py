import json
from dataclasses import replace

import pytest
import timm
from click.testing import CliRunner

import segzoo
from segzoo_timm import catalogue, known, reading, refresh
from segzoo_timm.reading import read_catalogue
from segzoo_timm.source import TimmSource

WRITTEN = json.loads(known.FILE.read_text())
SHIPPED = json.loads(catalogue.FILE.read_text())
MEASURED_WITH, KNOWN = WRITTEN["timm"], WRITTEN["architectures"]
OF_ALL_KINDS = [
    *("resnet18", "deit_tiny_patch16_224"),
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in ("coat_tiny", "efficientvit_m0", "densenet121", "convmixer_768_32")
    ),
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


@pytest.mark.skipif(timm.__version__ != SHIPPED["timm"], reason="another timm says other things")
def test_the_shipped_catalogue_is_what_timm_says():
    assert read_catalogue() == SHIPPED


@pytest.fixture
def another_timm(monkeypatch, tmp_path):
    """A timm of another version, of which nothing is shipped."""
    read = {"timm": "0.0.1", "former": [], "architectures": {"mynet": {"family": "mine", "weights": {"a": "mit"}}}}
    asked = []
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(catalogue, "version", lambda name: "0.0.1")
    monkeypatch.setattr(reading, "read_catalogue", lambda: asked.append(1) or read)
    catalogue.catalogue.cache_clear()
    yield read, asked
    catalogue.catalogue.cache_clear()


def test_another_timm_is_asked_once_and_its_answer_kept(another_timm):
    read, asked = another_timm
    for _ in range(2):
        assert catalogue.catalogue() == read
        catalogue.catalogue.cache_clear()
    assert asked == [1]


def test_a_damaged_answer_in_the_cache_is_asked_for_anew(another_timm):
    read, asked = another_timm
    catalogue.cached("0.0.1").parent.mkdir()
    catalogue.cached("0.0.1").write_text('{"timm": ')
    assert catalogue.catalogue() == read
    assert asked == [1]


def test_a_cache_that_can_t_be_written_does_no_harm(another_timm, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert catalogue.catalogue() == another_timm[0]


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


@pytest.mark.slow
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
