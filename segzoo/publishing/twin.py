"""A model's twin: the model that its plugins build from a config, on the meta device, where it takes no memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules import module

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
    """The twin.

    :param kind: the class of the model.
    :raises CheckpointError: when the neck isn't built as the plan says.
    """
    plan = config.plan
    with torch.device("meta"):
        twin = kind.of(Agreement.of(plan), classes_of(config))
    if twin.neck is not None and plan.neck and twin.neck.spec != plan.spec:
        raise CheckpointError(f"neck {plan.neck.id} planned {plan.spec}, and is built as {twin.neck.spec}")
    return twin


@contextmanager
def bounded(most: int) -> Iterator[None]:
    """A block in which this thread can register `most` modules and parameters, and no more.

    A config of a few bytes can ask for endless layers. On the meta device they take no memory, but they take time.

    :raises CheckpointError: at the first module or parameter above that number.
    """
    thread, count = get_ident(), 0

    def register(*arguments: Any) -> None:
        nonlocal count
        count += get_ident() == thread
        if count > most:
            raise CheckpointError(
                f"the config asks for more than {most} modules and parameters, far more than its weights have"
            )

    handles = (
        module.register_module_module_registration_hook(register),
        module.register_module_parameter_registration_hook(register),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
