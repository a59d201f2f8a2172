"""A plan as a picture."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

import segzoo
from segzoo.pictures import draw_plan


@pytest.fixture(scope="module")
def plan():
    return segzoo.plan("resnet18", "unet")


def test_each_stage_that_the_decoder_takes_is_in_the_picture_with_its_role(plan):
    texts = [each.text for each in ElementTree.fromstring(draw_plan(plan)).iter() if each.tag.endswith("}text")]
    assert [text for text in texts if text in plan.roles] == list(plan.roles)


def test_names_with_markup_are_text(plan):
    part = replace(plan.decoder, id="segzoo:<script>alert(1)</script>")
    tags = {
        each.tag.rpartition("}")[2] for each in ElementTree.fromstring(draw_plan(replace(plan, decoder=part))).iter()
    }
    assert "script" not in tags


def test_a_decoder_around_a_decoder_names_it():
    assert ">around fpn</text>" in draw_plan(segzoo.plan("resnet18", "pointrend"))
