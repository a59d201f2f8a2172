"""Every neck that ships with segzoo keeps its promises."""

import pytest

from segzoo.testing import Check, checks

CHECKS = [pytest.param(each, id=str(each), marks=pytest.mark.slow if each.slow else ()) for each in checks("neck")]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("neck", ["simple_pyramid", "vit_adapter"])
def test_it_keeps_its_promises(neck: str, check: Check) -> None:
    check(neck)
