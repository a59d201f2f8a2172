"""The generated pages are as their generators would write them now, and leave nothing out."""

import runpy
from dataclasses import fields
from pathlib import Path

import click
import pytest

from segzoo.cli import main
from segzoo.host.discovery import HOOKS
from segzoo.testing import checks

DOCS = Path(__file__).parent.parent / "docs"
REFERENCE = (DOCS / "reference.md").read_text()


def generator(name):
    return runpy.run_path(str(DOCS / f"{name}.py"))


@pytest.mark.parametrize("name", ["decoders", "reference", "settings"])
def test_a_generated_page_is_up_to_date(name):
    assert (DOCS / f"{name}.md").read_text() == generator(name)["page"]()


@pytest.mark.parametrize(("drawn", "shown"), [("plan_pictures", "negotiation"), ("operator_pictures", "operator")])
def test_pictures_are_up_to_date_and_shown(drawn, shown):
    page = (DOCS / f"{shown}.md").read_text()
    for name, picture in generator(drawn)["pictures"]().items():
        assert (DOCS / "images" / name).read_text() == picture
        assert f"(images/{name})" in page


def test_the_picture_of_the_rooms_is_up_to_date_and_shown():
    assert (DOCS / "images" / "rooms.svg").read_text() == generator("rooms")["picture"]()
    assert "(images/rooms.svg)" in (DOCS / "architecture.md").read_text()


def test_each_hook_is_documented():
    assert [hook for hook in HOOKS if f"| `{hook}`" not in REFERENCE] == []


def test_each_field_of_a_descriptor_is_documented():
    names = {field.name for kind in HOOKS.values() for field in fields(kind)}
    assert [name for name in names if f"| `{name}`" not in REFERENCE] == []


def test_each_check_is_documented():
    names = {check.name for kind in ("decoder", "encoder", "neck") for check in checks(kind)}
    assert [name for name in names if f"| `{name}`" not in REFERENCE] == []


def test_each_command_is_documented():
    names = main.list_commands(click.Context(main))
    assert [name for name in names if f"| `segzoo {name}`" not in REFERENCE] == []
