"""The promises of a neck alone: it returns the list that it declares, and grants what it says."""

from __future__ import annotations

from itertools import pairwise
from unittest import SkipTest

import torch

from segzoo.errors import NegotiationError
from segzoo.testing.cases import ODD_SIZE
from segzoo.testing.catalogue import CATALOGUE
from segzoo.testing.neck_subject import NeckSubject
from segzoo.testing.outputs import outputs
from segzoo.testing.results import ConformanceError

SIZES = (ODD_SIZE, (96, 128))


def spec(subject: NeckSubject) -> None:
    """With every encoder of the catalogue its maps have the channels and strides that its `spec` declares."""
    for pattern in CATALOGUE:
        try:
            case = subject.case(pattern)
        except NegotiationError:
            continue
        except Exception as error:
            raise ConformanceError(f"with encoder {pattern!r}: {type(error).__name__}: {error}") from error
        with torch.device("meta"):
            neck = case.build()
        for size in SIZES:
            features = outputs(neck, case.inputs(size, device="meta"))
            found = [tuple(feature.shape[:2]) for feature in features]
            declared = [(2, channels) for channels in neck.spec.channels]
            if found != declared:
                raise ConformanceError(f"{case.where}: declared (B, C) {declared}, measured {found} at {size}")


def image(subject: NeckSubject) -> None:
    """It reads of entry 0, mostly the image, no more than the size, unless it says `needs_image`; then it does read it.

    Entry 0 itself may be passed on as it is.
    """
    for case in subject.witnesses():
        neck, inputs = case.build().eval(), case.inputs()
        other = [torch.randn_like(inputs[0]), *inputs[1:]]
        with torch.no_grad():
            reads = not all(map(torch.equal, outputs(neck, inputs)[1:], outputs(neck, other)[1:]))
        if reads and not neck.needs_image:
            raise ConformanceError(
                f"{case.where}: its maps depend on entry 0, where some encoders have a map of their own; say "
                "`needs_image = True`, and it is given the image there"
            )
        if neck.needs_image and not reads:
            raise ConformanceError(f"{case.where}: it says `needs_image`, and its maps don't depend on the image")


def grants(subject: NeckSubject) -> None:
    """If its descriptor grants a pyramid, each stage that it is asked for is coarser than the one before."""
    if subject.provided is None or "pyramid" not in subject.provided.descriptor.grants:
        raise SkipTest("its descriptor grants no pyramid" if subject.provided else "no plugin provides it")
    for case in subject.cases():
        strides = case.plan.spec.select(case.plan.neck_stages).strides
        if not all(finer < coarser for finer, coarser in pairwise(strides)):
            raise ConformanceError(f"{case.where}: no pyramid: stages {case.plan.neck_stages} of strides {strides}")
