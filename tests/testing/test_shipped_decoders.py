"""Every decoder that ships with segzoo keeps its promises."""

import pytest

import segzoo
from segzoo.testing import Check, checks

POOLED_TO_THE_LAST_PIXEL = "its pyramid halves the deepest map three times: traced, each is one pixel or more than one"
ROUNDED_OVER_A_THRESHOLD = "on a map of two cells: where rounding moves a mask's edge, a query attends to other cells"
EXPECTED_FAILURES = {
    "pan": {"export": POOLED_TO_THE_LAST_PIXEL},
    "mask2former": {"bfloat16": ROUNDED_OVER_A_THRESHOLD},
}
SMALL = {  # what takes long by default
    "mask2former": {"width": 64, "queries": 9, "layers": 3, "encoder_layers": 1, "hidden": 64, "encoder_hidden": 64},
    "maskformer": {"width": 64, "queries": 9, "layers": 2, "hidden": 64},
    "pem": {"width": 64, "pixel_width": 32, "queries": 9, "layers": 3, "hidden": 64},
    "segvit": {"layers": 1},
}
CHECKS = [pytest.param(each, id=str(each), marks=pytest.mark.slow if each.slow else ()) for each in checks("decoder")]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("decoder", segzoo.list_decoders())
def test_it_keeps_its_promises(decoder: str, check: Check) -> None:
    check(decoder, options=SMALL.get(decoder), expected_failures=EXPECTED_FAILURES.get(decoder))
