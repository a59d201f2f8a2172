"""Choosing a pair, without a page."""

import pytest

import segzoo
from segzoo.studio.choosing import Pair, decoder_choices, encoder_choices, read_options


def test_encoders_are_shown_with_their_parameters():
    assert ("resnet50 · 23.5 M", "resnet50") in encoder_choices()


def test_decoders_are_found_by_name_and_by_paper():
    label = next(label for label, name in decoder_choices() if name == "unet")
    assert label.startswith("unet · ")
    assert "1505.04597" in label


def test_each_name_can_be_planned_with():
    names = [name for _, name in decoder_choices()]
    assert sorted(names) == sorted(segzoo.list_decoders())


def test_the_plan_is_that_of_segzoo():
    pair = Pair(encoder="resnet18", decoder="fpn", classes=3, decoder_options={"width": 64})
    assert pair.plan() == segzoo.plan("resnet18", "fpn", classes=3, decoder_options={"width": 64})


def test_the_code_makes_the_model():
    pair = Pair(encoder="test_resnet", decoder="fpn", classes=3, in_channels=4, decoder_options={"width": 32})
    names = {"segzoo": segzoo}
    exec(pair.code, names)
    assert names["model"].plan == pair.plan()


def test_multiply_adds_grow_with_the_image():
    small, large = (Pair(encoder="test_resnet", decoder="fpn", size=size).multiply_adds() for size in (64, 128))
    assert large == 4 * small


def test_a_pair_that_cannot_be_is_refused_with_the_reason():
    with pytest.raises(segzoo.NegotiationError, match=r"Installed decoders that take this encoder: .*segformer"):
        Pair(encoder="resnet18", decoder="eomt").plan()


@pytest.mark.parametrize("size", [0, 5000])
def test_an_image_of_no_sensible_size_is_refused(size):
    with pytest.raises(segzoo.OptionError, match="pixels a side"):
        Pair(encoder="resnet18", decoder="fpn", size=size)


@pytest.mark.parametrize("text", ["{", "[1]", "width=3"])
def test_options_that_are_no_json_object_are_refused(text):
    with pytest.raises(segzoo.OptionError, match="options are"):
        read_options(text)
