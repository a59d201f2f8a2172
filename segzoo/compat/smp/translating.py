"""What SMP's names stand for: asked of the importer `smp`, which knows it for SMP's checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from segzoo.constructors import Construction, ConstructorsImporter
from segzoo.errors import OptionError
from segzoo.host.registry import find_importer

PEER = "smp"


@cache
def importer() -> ConstructorsImporter:
    """The plugin's importer.

    :raises UnknownNameError: when the plugin isn't there, as when it is disabled.
    """
    made: ConstructorsImporter = find_importer(PEER).load()()
    return made


def construct(architecture: str, given: Mapping[str, Any]) -> Construction:
    """What a call of one of SMP's constructors comes to.

    :param given: its arguments by name.
    :raises CheckpointError: for an argument that segzoo's decoder or encoder has no counterpart of.
    :raises OptionError: when the result would differ from SMP's.
    """
    made = importer().construct(architecture, given)
    if made.losses:
        raise OptionError(f"segzoo.compat.smp.{architecture}: {'; '.join(made.losses)}; leave the argument out")
    return made
