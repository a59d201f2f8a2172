"""What the gallery is made of is there for every decoder, and true."""

import json
import sys
from pathlib import Path

import pytest

import segzoo
from segzoo.host import registry

DOCS = Path(__file__).parents[2] / "docs"
COSTS = json.loads((DOCS / "site" / "costs.json").read_text())
DECODERS = [each.descriptor for each in registry.decoders().values() if each.shipped]


@pytest.fixture
def costs(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(DOCS / "site"), str(DOCS), *sys.path])
    import costs

    return costs


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda each: each.name)
def test_a_decoder_says_what_it_is_good_for(decoder):
    assert decoder.good_for.endswith(".")


@pytest.mark.slow
def test_costs_are_kept_of_all_decoders_that_fit():
    fitting = {encoder: {each.name for each in DECODERS if not refused(encoder, each.name)} for encoder in COSTS}
    assert {encoder: set(costs) for encoder, costs in COSTS.items()} == fitting


@pytest.mark.parametrize("encoder", COSTS)
def test_kept_costs_are_those_of_today(costs, encoder):
    assert costs.measure(encoder, "segformer") == COSTS[encoder]["segformer"]


@pytest.mark.slow
@pytest.mark.parametrize("encoder", COSTS)
def test_all_kept_costs_are_those_of_today(costs, encoder):
    assert {name: costs.measure(encoder, name) for name in COSTS[encoder]} == COSTS[encoder]


def refused(encoder, decoder):
    try:
        segzoo.plan(encoder, decoder)
    except segzoo.NegotiationError:
        return True
    return False
