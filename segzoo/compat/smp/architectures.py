"""SMP's architectures as classes, made of what the importer knows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from segzoo.compat.smp.model import Model
from segzoo.compat.smp.translating import importer


@cache
def architectures() -> Mapping[str, type[Model]]:
    """The classes by SMP's names."""
    return {
        name: type(
            name,
            (Model,),
            {
                "__doc__": f"SMP's {name}, with segzoo's encoder and decoder.\n\nArguments: `{signature}`.",
                "__module__": "segzoo.compat.smp",
                "__signature__": signature,
                "architecture": name,
                "signature": signature,
            },
        )
        for name, signature in importer().signatures().items()
    }
