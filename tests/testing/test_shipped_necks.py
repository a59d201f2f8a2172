"""The neck that ships with segzoo keeps its promises."""

import pytest

from segzoo.testing import Check, checks

CHECKS = [pytest.param(each, id=str(each), marks=pytest.mark.slow if each.slow else ()) for each in checks("neck")]


@pytest.mark.parametrize("check", CHECKS)
def test_the_simple_pyramid_keeps_its_promises(check: Check) -> None:
    check("simple_pyramid")
