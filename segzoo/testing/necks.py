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


def grants(subject: NeckSubject) -> None:
    """If its descriptor grants a pyramid, each stage that it is asked for is coarser than the one before."""
    if subject.provided is None or "pyramid" not in subject.provided.descriptor.grants:
        raise SkipTest("its descriptor grants no pyramid" if subject.provided else "no plugin provides it")
    for case in subject.cases():
        strides = case.plan.spec.select(case.plan.neck_stages).strides
        if not all(finer < coarser for finer, coarser in pairwise(strides)):
            raise ConformanceError(f"{case.where}: no pyramid: stages {case.plan.neck_stages} of strides {strides}")
