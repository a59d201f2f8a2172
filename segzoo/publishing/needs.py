"""The plugins that a published model needs. This file imports no torch."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from segzoo import __version__, directory
from segzoo.distributions import SHIPPED, distribution_of, normalise
from segzoo.errors import PluginError, UnknownNameError
from segzoo.handshake.planning import Plan
from segzoo.host import registry
from segzoo.host.registry import Provided
from segzoo.publishing.config import CALLED, Config, parts


@dataclass(frozen=True)
class Need:
    """One part of a model, as its file names it, and what there is here.

    :param kind: encoder, neck, decoder, or inner: the decoder that the decoder refines.
    :param version: of the distribution, when the model was saved.
    :param provided: by an installed plugin; None when there is none.
    """

    kind: str
    id: str
    distribution: str
    version: str
    provided: Provided[Any] | None

    @property
    def now(self) -> str | None:
        """The version that is installed; None when none is."""
        return self.provided.version if self.provided else None

    def __str__(self) -> str:
        here = "is not installed here" if self.now is None else f"here {self.distribution} {self.now}"
        return f"{CALLED.get(self.kind, self.kind)} {self.id} (saved with {self.distribution} {self.version}, {here})"


def needs(plan: Plan) -> list[Need]:
    """The plugins that a plan needs."""
    return [
        Need(kind, part.id, part.distribution or "", part.version or "", _provided(kind, part.id))
        for kind, part in parts(plan)
    ]


def check_needs(plan: Plan) -> None:
    """Refuse a plan with parts that no installed plugin provides.

    :raises PluginError: naming each missing plugin, and how to install it.
    """
    if missing := [need for need in needs(plan) if need.provided is None]:
        raise PluginError("; ".join(f"the model needs {need}: {remedy(need)}" for need in missing))


def remedy(need: Need) -> str:
    """What to do for a part that is missing."""
    if need.distribution == registry.RUNTIME:
        return "it was registered at run time; give segzoo.register the same descriptor before you load"
    unready = [p for p in registry.plugins() if p.distribution == need.distribution and p.status != "ready"]
    if unready:
        return "; ".join(f"plugin {info.id} is installed, but {info.status}: {info.error}" for info in unready)
    command = f"pip install {need.distribution}=={need.version}"
    if need.distribution == SHIPPED:
        return f"this is segzoo {__version__}; {command}"
    if directory.known().lists(need.distribution):
        return f"{command} (segzoo's plugin directory lists it)"
    return (
        f"{command} (this is the file's own claim: segzoo's plugin directory doesn't list {need.distribution}; look at "
        "what it is before you install it)"
    )


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """The versions installed of some distributions and of what they require directly."""
    found: dict[str, str] = {}
    for name in distributions:
        try:
            distribution = importlib.metadata.distribution(name)
            required = [_required(line) for line in distribution.requires or () if "extra ==" not in line]
        except importlib.metadata.PackageNotFoundError:
            continue
        found[normalise(name)] = distribution.version
        for other in required:
            try:
                found[other] = importlib.metadata.version(other)
            except importlib.metadata.PackageNotFoundError:
                continue
    return dict(sorted(found.items()))


def changed_versions(config: Config) -> list[str]:
    """The distributions whose version differs from when the model was saved, in words."""
    now = versions(sorted({SHIPPED, *(part.distribution or "" for _, part in parts(config.plan))} - {""}))
    saved = {distribution_of(name): version for name, version in config.versions.items()}
    return [f"{name} {then} then, {now.get(name, 'none')} now" for name, then in saved.items() if now.get(name) != then]


def _provided(kind: str, name: str) -> Provided[Any] | None:
    """The descriptor of a canonical id; for an encoder that of its source. Nothing is imported."""
    if kind == "encoder":
        source = name.partition("/")[0]
        return next((provided for provided in registry.encoder_sources() if provided.id == source), None)
    try:
        return registry.find_neck(name) if kind == "neck" else registry.find_decoder(name)
    except UnknownNameError:
        return None


def _required(line: str) -> str:
    """The distribution that a line of requirements names, such as `torch>=2.4`."""
    return normalise(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0])
