"""Every decoder that ships with segzoo keeps its promises."""

import pytest
from synthetic import DIFFERENT, SMALL

import segzoo
from segzoo.testing import Check, checks

ROUNDED_OVER_A_THRESHOLD = "on a map of two cells: where rounding moves a mask's edge, a query attends to other cells"
ROUNDED_AMONG_NEAR_EQUALS = "where rounding changes which pixels are the least certain, others are predicted anew"
EXPECTED_FAILURES = {
    "mask2former": {"bfloat16": ROUNDED_OVER_A_THRESHOLD},
    "pointrend": {"bfloat16": ROUNDED_AMONG_NEAR_EQUALS},
}
LONG = ("negotiation", "sizes")  # half of the kit's quick checks' time: they go through the whole catalogue
TRACED = ("compile", "export", "onnx")  # ten to a hundred seconds of each decoder


def marks(decoder: str, check: Check) -> list[pytest.MarkDecorator]:
    if decoder not in DIFFERENT and check.name in TRACED:
        return [pytest.mark.exhaustive]
    return [pytest.mark.slow] if check.slow or (check.name in LONG and decoder not in DIFFERENT) else []


CASES = [
    pytest.param(decoder, check, id=f"{decoder}-{check}", marks=marks(decoder, check))
    for decoder in segzoo.list_decoders()
    for check in checks("decoder")
]


@pytest.mark.parametrize(("decoder", "check"), CASES)
def test_it_keeps_its_promises(decoder: str, check: Check) -> None:
    check(decoder, options=SMALL.get(decoder), expected_failures=EXPECTED_FAILURES.get(decoder))
