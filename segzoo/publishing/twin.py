"""A model's twin: what its plugins build of a config, on the meta device, where it takes no memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from segzoo.errors import CheckpointError
from segzoo.handshake.agreement import Agreement
from segzoo.head import Classes
from segzoo.publishing.config import Config

if TYPE_CHECKING:
    from segzoo.model import SegmentationModel


def classes_of(config: Config) -> Classes:
    """The heads of a config."""
    return Classes({name: head.classes for name, head in config.heads.items()}, config.arguments.heads is not None)


def build_twin(kind: type[SegmentationModel], config: Config) -> SegmentationModel:
    """The twin, a model of some kind.

    :raises CheckpointError: when a part isn't built as the plan says.
    """
    plan = config.plan
    with torch.device("meta"):
        twin = kind.of(Agreement.of(plan), classes_of(config))
    if twin.neck is not None and plan.neck and twin.neck.spec != plan.spec:
        raise CheckpointError(f"neck {plan.neck.id} planned {plan.spec}, and is built as {twin.neck.spec}")
    return twin
