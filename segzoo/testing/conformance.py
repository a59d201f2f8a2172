"""The suites as pytest classes: subclass one, and each check is a test of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from segzoo.testing.suites import Check, checks


class _Conformance:
    """What the three have in common."""

    subject: ClassVar[Any]
    """A name or a class; for an encoder also a module."""
    options: ClassVar[Mapping[str, Any]] = {}
    """To build it with."""
    expected_failures: ClassVar[Mapping[str, str]] = {}
    """The reason by name of each check that is known to fail; one that passes after all fails."""


T = TypeVar("T", bound=_Conformance)


def _test(check: Check) -> Callable[[_Conformance], None]:
    def test(self: _Conformance) -> None:
        result = check(self.subject, options=self.options, expected_failures=self.expected_failures)
        if result.status == "expected failure":
            import pytest

            pytest.xfail(result.reason)

    test.__name__ = f"test_{check.name}"
    test.__doc__ = check.promise
    return test


def _one_test_per_check(kind: str) -> Callable[[type[T]], type[T]]:
    def add(conformance: type[T]) -> type[T]:
        for check in checks(kind):
            setattr(conformance, f"test_{check.name}", _test(check))
        return conformance

    return add


@_one_test_per_check("decoder")
class DecoderConformance(_Conformance):
    """Tests that a decoder keeps its promises; a subclass sets `subject`."""


@_one_test_per_check("encoder")
class EncoderConformance(_Conformance):
    """Tests that an encoder keeps its promises; a subclass sets `subject`."""


@_one_test_per_check("neck")
class NeckConformance(_Conformance):
    """Tests that a neck keeps its promises; a subclass sets `subject`."""
