"""The conformance kit: whether a decoder, an encoder or a neck keeps the promises that segzoo relies on.

One check per promise, each small, and each with a reason when it fails. On the command line `segzoo check ocr`; from
Python `segzoo.testing.check("ocr")`; under pytest either a class to subclass, one test per check::

    class TestOcr(segzoo.testing.DecoderConformance):
        subject = "ocr"
        expected_failures = {"onnx": "ONNX has no deformable convolution"}

or one parametrised function::

    @pytest.mark.parametrize("check", segzoo.testing.checks("decoder"), ids=str)
    def test_it_keeps_its_promises(check):
        check("ocr")

An expected failure is strict: when it passes after all, that is a failure.
"""

from segzoo.testing.catalogue import CATALOGUE as CATALOGUE
from segzoo.testing.catalogue import Pattern as Pattern
from segzoo.testing.catalogue import SyntheticEncoder as SyntheticEncoder
from segzoo.testing.conformance import DecoderConformance as DecoderConformance
from segzoo.testing.conformance import EncoderConformance as EncoderConformance
from segzoo.testing.conformance import NeckConformance as NeckConformance
from segzoo.testing.results import ConformanceError as ConformanceError
from segzoo.testing.results import Result as Result
from segzoo.testing.suites import Check as Check
from segzoo.testing.suites import check as check
from segzoo.testing.suites import checks as checks
