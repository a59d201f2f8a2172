import json
import subprocess
import sys
from dataclasses import replace

import pytest
from synthetic_source import SyntheticSource

import segzoo
from segzoo.host import registry, sources
from segzoo.host.encoder_source import measure_facts
from segzoo.host.facts import EncoderFacts, PublishedWeights


@pytest.fixture(scope="module")
def measured():
    source = SyntheticSource()
    return {name: measure_facts(source, name) for name in ("convolutional", "pyramid", "plain", "own_finest")}


def found(source, **fields):
    spec = segzoo.EncoderSpec(name="synthetic", target="m:Source", **fields)
    return sources.EncoderFound(registry.Provided(spec, "ann", "1.0", "ann"), source, "plain")


def test_parameters_are_those_of_the_encoder(measured):
    channels = [8, 16, 24, 32, 40]
    assert measured["convolutional"].parameters == sum(3 * width + width for width in channels)


def test_spec_and_sizes_are_the_encoder_s(measured):
    facts = measured["pyramid"]
    assert facts.spec == segzoo.FeatureSpec((3, 0, 16, 24, 32, 40), (1, 2, 4, 8, 16, 32))
    assert facts.input_spec == segzoo.InputSpec(multiple=32, minimum=16)


@pytest.mark.parametrize(
    ("name", "stages", "strides"),
    [
        ("convolutional", (1, 2, 3, 4, 5), (2, 4, 8, 16, 32)),
        ("pyramid", (2, 3, 4, 5), (4, 8, 16, 32)),
        ("plain", (2, 3, 4, 5), (16, 16, 16, 16)),
        ("own_finest", (0, 1, 2, 3, 4, 5), (1, 2, 4, 8, 16, 32)),
    ],
)
def test_native_stages_are_neither_the_image_nor_placeholders(measured, name, stages, strides):
    assert measured[name].stages == stages
    assert measured[name].native_strides == strides


@pytest.mark.parametrize(("name", "strides"), [("convolutional", (8, 16)), ("pyramid", ()), ("plain", ())])
def test_it_dilates_to_the_strides_that_it_grants(measured, name, strides):
    assert measured[name].dilates_to == strides


def test_a_stride_that_is_granted_but_not_kept_is_no_dilation():
    class Deaf(SyntheticSource):
        def create(self, name, request, pretrained=False):
            return super().create(name, replace(request, output_stride=None))

    assert measure_facts(Deaf(), "convolutional").dilates_to == ()


def test_no_stride_is_asked_of_an_encoder_that_is_fine_enough_by_itself():
    source = SyntheticSource()
    measure_facts(source, "plain")
    assert {request.output_stride for _, request in source.created} == {None, 8}


@pytest.mark.parametrize(("name", "token"), [("plain", True), ("convolutional", False)])
def test_it_has_a_class_token_when_the_wish_changes_its_channels(measured, name, token):
    assert measured[name].class_token is token


@pytest.mark.parametrize(("name", "any_size"), [("convolutional", True), ("pyramid", False), ("plain", False)])
def test_any_size_is_without_padding_and_resizing(measured, name, any_size):
    assert measured[name].any_size is any_size


def test_an_encoder_that_lies_has_no_facts():
    with pytest.raises(segzoo.ContractError, match="declared 41 channels"):
        measure_facts(SyntheticSource(), "lying")


def test_a_source_measures_unless_it_knows():
    assert SyntheticSource().facts("plain") == measure_facts(SyntheticSource(), "plain")


def test_facts_survive_json(measured):
    facts = replace(
        measured["plain"],
        family="plain",
        license="MIT",
        weights=(PublishedWeights("in1k", "apache-2.0"), PublishedWeights("in22k", "")),
    )
    assert EncoderFacts.from_dict(json.loads(json.dumps(facts.to_dict()))) == facts


def test_weights_that_are_not_stated_stay_so(measured):
    assert measured["plain"].weights is None
    assert EncoderFacts.from_dict(measured["plain"].to_dict()).weights is None


def test_licences_of_weights_are_listed_once_each(measured):
    weights = tuple(PublishedWeights(tag, license) for tag, license in [("a", "mit"), ("b", "cc-by-nc"), ("c", "mit")])
    assert replace(measured["plain"], weights=weights).weights_licenses == ("mit", "cc-by-nc")


def test_the_descriptor_fills_in_what_the_source_doesn_t_state():
    facts = found(SyntheticSource(), license="MIT", weights_license="CC0").facts()
    assert (facts.family, facts.license, facts.weights) == ("synthetic", "MIT", (PublishedWeights("", "CC0"),))


def test_what_the_source_states_comes_before_the_descriptor():
    class Knowing(SyntheticSource):
        def facts(self, name):
            return replace(super().facts(name), family="vit", license="BSD", weights=())

    facts = found(Knowing(), license="MIT", weights_license="CC0").facts()
    assert (facts.family, facts.license, facts.weights) == ("vit", "BSD", ())


def test_torch_is_not_imported_by_facts():
    check = "import sys, segzoo.host.facts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
