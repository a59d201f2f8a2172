"""`segzoo decoders` with options that narrow the list down."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

import segzoo
from segzoo.cli import main

DECODERS = {
    *("fcn", "fpn", "mask2former", "maskformer", "manet", "unet", "unetplusplus", "unet3plus", "upernet"),
    *("eomt", "efficientvit", "lraspp", "linknet"),
}
"""Those that the tests speak of: others may come."""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["decoders", *arguments])


def rows(*arguments: str) -> list[dict[str, Any]]:
    return json.loads(run(*arguments, "--json").stdout)


def names(*arguments: str) -> list[str]:
    return [row["name"] for row in rows(*arguments)]


@pytest.mark.parametrize(
    ("arguments", "fitting"),
    [
        (["f*", "--encoder", "resnet18"], {"fcn", "fpn"}),
        (["[mu]*", "--task", "panoptic"], {"mask2former", "maskformer"}),
        (["[fu]*", "--stride", "2"], {"unet", "unet3plus", "unetplusplus"}),
        (["[fe]*", "--tokens"], {"eomt"}),
        (["l[ir]*", "--min-params", "100k", "--max-params", "1M"], {"lraspp"}),
        (["l[ir]*", "--encoder", "resnet18", "--max-macs", "10.7G"], {"linknet"}),
        (["u*", "--for", "Thin Structures"], {"unet"}),
        (["f*", "--license", "apache"], {"fcn", "fpn"}),
        (["f*", "--license", "gpl"], set()),
    ],
)
def test_options_narrow_the_list_down(arguments: list[str], fitting: set[str]) -> None:
    """Those that it must have, and none of those that it must not have."""
    assert set(names(*arguments)) & DECODERS == fitting


def test_parameters_are_those_of_the_plan_with_the_encoder() -> None:
    (row,) = rows("fpn", "--encoder", "mit_b0")
    assert row["params"] == segzoo.plan("mit_b0", "fpn").decoder.parameters


@pytest.mark.parametrize("order", ["params", "macs"])
def test_the_most_costly_comes_last(order: str) -> None:
    costs = [row[order] for row in rows("l[ir]*", "--encoder", "resnet18", "--sort", order)]
    assert len(costs) > 2
    assert costs == sorted(costs)


def test_a_table_tells_costs_in_millions_and_billions() -> None:
    heading, _, row, *_ = run("fpn", "--encoder", "resnet18", "--max-macs", "100G").stdout.splitlines()
    assert heading.split() == ["name", "params", "macs", "summary"]
    assert row.split()[:5] == ["fpn", "1.87", "M", "17.79", "G"]


def test_a_search_for_a_purpose_shows_what_each_is_good_for() -> None:
    assert "A first choice for small data" in " ".join(run("u*", "--for", "small data").stdout.split())


def test_nothing_that_fits_is_an_error() -> None:
    result = run("fpn", "--max-params", "1")
    assert result.exit_code == 1
    assert result.stderr == "Error: none of 1 decoder fits all that was asked for; ask for less\n"


def test_an_unknown_encoder_is_an_error_with_names_that_are_near() -> None:
    result = run("--encoder", "resnet1")
    assert result.exit_code == 1
    assert "did you mean 'resnet18'" in result.stderr
