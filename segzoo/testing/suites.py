"""The suites: which checks there are for a decoder, an encoder and a neck, and running them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from textwrap import shorten
from time import perf_counter
from traceback import walk_tb
from typing import Any
from unittest import SkipTest

import torch

from segzoo.errors import OptionError, PluginError, SegzooError
from segzoo.testing import decoders, deployment, encoders, modules, necks, registration, wrapping
from segzoo.testing.cases import Subject
from segzoo.testing.results import ConformanceError, Result, Status
from segzoo.testing.subjects import SUBJECTS, kind_of

SUITES: Mapping[str, tuple[Callable[[Any], None], ...]] = {
    "decoder": (
        registration.registration,
        registration.descriptor,
        decoders.negotiation,
        decoders.out_channels,
        decoders.sizes,
        decoders.coarser_maps,
        decoders.options,
        modules.gradients,
        modules.no_empty_parameters,
        modules.untouched_inputs,
        modules.batch_of_one,
        modules.bfloat16,
        modules.channels_last,
        modules.deterministic,
        modules.state_dict,
        modules.meta,
        wrapping.wrapped_children,
        wrapping.hooks,
        wrapping.functional,
        deployment.compile,
        deployment.export,
        deployment.onnx,
    ),
    "encoder": (
        registration.registration,
        registration.descriptor,
        encoders.facts,
        encoders.spec,
        encoders.placeholders,
        encoders.depth,
        encoders.in_channels,
        encoders.driven,
        encoders.unattended_tokens,
        modules.gradients,
        modules.no_empty_parameters,
        modules.untouched_inputs,
        modules.batch_of_one,
        modules.bfloat16,
        modules.channels_last,
        modules.deterministic,
        modules.state_dict,
        modules.meta,
    ),
    "neck": (
        registration.registration,
        registration.descriptor,
        necks.spec,
        necks.image,
        necks.grants,
        modules.gradients,
        modules.no_empty_parameters,
        modules.untouched_inputs,
        modules.batch_of_one,
        modules.bfloat16,
        modules.channels_last,
        modules.deterministic,
        modules.state_dict,
        modules.meta,
        wrapping.wrapped_children,
        wrapping.hooks,
        wrapping.functional,
        deployment.compile,
        deployment.export,
        deployment.onnx,
    ),
}
"""By kind, in the order in which they run: the cheap ones first."""
SLOW = (deployment.compile, deployment.export, deployment.onnx)
SEED = 0


@dataclass(frozen=True)
class Check:
    """One promise, and how it is put to the test. Calling it checks a subject.

    :param name: by which expected failures are declared.
    :param kind: of subject: decoder, encoder or neck.
    :param promise: in words.
    :param slow: whether it takes seconds.
    """

    name: str
    kind: str
    promise: str
    slow: bool
    _examine: Callable[[Any], None] = field(repr=False)

    def __str__(self) -> str:
        return self.name

    def __call__(
        self,
        subject: Any,
        *,
        options: Mapping[str, Any] | None = None,
        expected_failures: Mapping[str, str] | None = None,
    ) -> Result:
        """Check a subject, for a test: takes what `run` takes.

        :raises ConformanceError: when the promise is not kept, or kept although declared an expected failure.
        :raises unittest.SkipTest: when it can't be checked, which test runners show as skipped.
        """
        result = self.run(subject, options=options, expected_failures=expected_failures)
        if result.failed:
            raise ConformanceError(f"{self.name}: {result.reason}")
        if result.status == "skipped":
            raise SkipTest(result.reason)
        return result

    def run(
        self,
        subject: Any,
        *,
        options: Mapping[str, Any] | None = None,
        expected_failures: Mapping[str, str] | None = None,
    ) -> Result:
        """Check a subject.

        :param subject: a name or a class; for an encoder also a module.
        :param options: to build it with.
        :param expected_failures: the reason by name of each check that is known to fail.
        :raises UnknownNameError: when no plugin provides that name.
        :raises OptionError: when the subject, an option or the name of an expected failure doesn't exist.
        """
        expected = _expected(self.kind, expected_failures)
        start = perf_counter()
        try:
            status, reason = self._outcome(_prepared(self.kind, subject, dict(options or {})))
        except PluginError as error:  # what its descriptor names can't be loaded: no promise is kept
            status, reason = "fail", _one_line(str(error))
        if self.name in expected and status in ("pass", "fail"):
            because = expected[self.name]
            if status == "fail":
                status, reason = "expected failure", because
            else:
                status, reason = "unexpected pass", f"it passes, and was expected to fail: {because}; take that back"
        return Result(self.name, status, reason, round(perf_counter() - start, 3))

    def _outcome(self, subject: Subject[Any]) -> tuple[Status, str]:
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(SEED)
                self._examine(subject)
        except SkipTest as reason:
            return "skipped", str(reason)
        except (ConformanceError, SegzooError) as error:
            return "fail", _one_line(str(error))
        except Exception as error:  # somebody's code: the other checks are run all the same
            return "fail", _one_line(f"{type(error).__name__}: {error}") + _where(error)
        return "pass", ""


def checks(kind: str) -> list[Check]:
    """The checks for a decoder, an encoder or a neck, one per promise.

    :raises OptionError: for another kind.
    """
    if kind not in SUITES:
        raise OptionError(f"there are checks for {', '.join(SUITES)}, got {kind!r}")
    return [
        Check(
            name=examine.__name__,
            kind=kind,
            promise=(examine.__doc__ or "").partition("\n\n")[0],
            slow=examine in SLOW,
            _examine=examine,
        )
        for examine in SUITES[kind]
    ]


def check(
    subject: Any,
    *,
    kind: str | None = None,
    options: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> list[Result]:
    """Run every check on a decoder, an encoder or a neck.

    :param subject: a name or a class; for an encoder also a module.
    :param kind: decoder, encoder or neck; found out if None.
    :param options: to build it with.
    :param expected_failures: the reason by name of each check that is known to fail.
    :returns: one result per check; `any(result.failed for result in results)` says whether something is wrong.
    :raises UnknownNameError: when no plugin provides that name.
    :raises OptionError: when the subject, an option or the name of an expected failure doesn't exist.

    >>> segzoo.testing.check("segformer")  # doctest: +SKIP
    """
    return [
        each.run(subject, options=options, expected_failures=expected_failures)
        for each in checks(kind or kind_of(subject))
    ]


_latest: Subject[Any] | None = None


def _prepared(kind: str, subject: Any, options: dict[str, Any]) -> Subject[Any]:
    """The subject; the latest one again where it is the same, since it keeps what was planned."""
    global _latest
    prepared = SUBJECTS[kind](subject, options)
    if _latest is None or type(prepared) is not type(_latest) or prepared.identity != _latest.identity:
        _latest = prepared
    return _latest


def _expected(kind: str, failures: Mapping[str, str] | None) -> Mapping[str, str]:
    names = [examine.__name__ for examine in SUITES[kind]]
    for name, reason in (failures or {}).items():
        if name not in names:
            near = " or ".join(map(repr, get_close_matches(name, names, n=2)))
            hint = f"; did you mean {near}?" if near else ""
            raise OptionError(f"there is no check {name!r} for a {kind}{hint} (there are {', '.join(names)})")
        if not isinstance(reason, str) or not reason.strip():
            raise OptionError(f"the expected failure of {name!r} needs a reason, got {reason!r}")
    return failures or {}


def _one_line(text: str) -> str:
    return shorten(text, 500, placeholder=" ...")


def _where(error: BaseException) -> str:
    """The innermost place that is neither torch's nor the kit's, which is most likely the subject's own."""
    own = [
        f" (in {frame.f_code.co_filename}, line {line})"
        for frame, line in walk_tb(error.__traceback__)
        if frame.f_globals.get("__name__", "").partition(".")[0] not in ("torch", "segzoo")
    ]
    return own[-1] if own else ""
