"""The registry: everything that the installed plugins provide, by name.

Plugins are discovered once per process, at the first question. Listing decoders imports no torch, nor does asking an
encoder source that has an index.
"""

from __future__ import annotations

import importlib
import os
import threading
import warnings
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from segzoo.distributions import SHIPPED, namespace
from segzoo.errors import OptionError, PluginError, UnknownNameError
from segzoo.host import discovery
from segzoo.host.descriptors import DatasetSpec, DecoderSpec, Descriptor, EncoderSpec, ImporterSpec, NeckSpec
from segzoo.host.discovery import PluginInfo, PluginWarning
from segzoo.host.names import canonical, check_name, listed, only, unknown

RUNTIME = "runtime"
"""Stands for the distribution of what `register` was given."""

D = TypeVar("D", bound=Descriptor)


@dataclass(frozen=True)
class Provided(Generic[D]):
    """A descriptor and who provides it.

    :param distribution: normalised, or `runtime`.
    :param version: of the distribution, or `runtime`.
    :param plugin: the name of the entry point.
    """

    descriptor: D
    distribution: str
    version: str
    plugin: str

    @property
    def id(self) -> str:
        """The canonical id, `distribution:name`, and `segzoo:name` of what ships with segzoo."""
        return f"{namespace(self.distribution)}:{self.descriptor.name}"

    @property
    def name(self) -> str:
        """The bare name."""
        return self.descriptor.name

    @property
    def shipped(self) -> bool:
        """Whether it comes with segzoo."""
        return self.distribution == SHIPPED

    def load(self, target: str | None = None) -> type[Any]:
        """Import the class that the descriptor names.

        :param target: another than its own, which it names besides.
        :raises PluginError: when its module can't be imported, or has no such attribute.
        """
        target = target or self.descriptor.target
        module, _, attribute = target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit included: no plugin may end the program
            remedy = (
                "correct its target" if self.distribution == RUNTIME else f"reinstall or upgrade {self.distribution}"
            )
            raise PluginError(
                f"{self.descriptor.kind} {self.id} {self.version} can't be loaded from {target!r}: "
                f"{type(error).__name__}: {error}; {remedy}"
            ) from error


def plugins() -> list[PluginInfo]:
    """All installed plugins, those that failed or are disabled included, each with the reason."""
    return list(_zoo().plugins)


def provided_by(info: PluginInfo) -> list[tuple[str, Provided[Any]]]:
    """What one of `plugins()` provides, each with the shortest name that finds it among its kind."""
    if info.status != "ready":
        return []
    everything = _zoo().provided
    return [
        (label, provided)
        for kind in dict.fromkeys(provided.descriptor.kind for provided in everything)
        for label, provided in listed([p for p in everything if p.descriptor.kind == kind]).items()
        if (provided.distribution, provided.plugin) == (info.distribution, info.name)
    ]


def register(spec: Descriptor) -> None:
    """Add a decoder, encoder source, neck, importer or dataset for the rest of this process, under `runtime:name`.

    Registering the same name again replaces it, so a notebook's cell can be run twice.

    :param spec: its target may be in `__main__`, such as `"__main__:MyDecoder"`.
    :raises PluginError: when the name is reserved for one that ships with segzoo.
    :raises OptionError: when it is no descriptor.
    """
    if not isinstance(spec, DecoderSpec | EncoderSpec | NeckSpec | ImporterSpec | DatasetSpec):
        raise OptionError(
            f"register takes a DecoderSpec, EncoderSpec, NeckSpec, ImporterSpec or DatasetSpec, got {spec!r}; "
            "create_model takes classes and modules as they are"
        )
    discovery.check_api(spec)
    with _lock:
        zoo = _zoo()
        same = [p for p in zoo.provided if (p.descriptor.kind, p.name.lower()) == (spec.kind, spec.name.lower())]
        if any(provided.shipped for provided in same):
            raise PluginError(
                f"the name {spec.name!r} is reserved: a {spec.kind} of that name ships with segzoo; rename it"
            )
        kept = [p for p in zoo.provided if p not in same or p.distribution != RUNTIME]
        zoo.provided = [*kept, Provided(spec, RUNTIME, RUNTIME, RUNTIME)]


def list_decoders(pattern: str | None = None) -> list[str]:
    """The names of all decoders: bare where they are unambiguous, canonical ids where not.

    :param pattern: a glob on the name, such as `"u*"`, or on the canonical id, such as `"segzoo-foo:*"`; case
        doesn't matter.
    """
    return list(decoders(pattern))


def decoders(pattern: str | None = None) -> dict[str, Provided[DecoderSpec]]:
    """What `list_decoders` names."""
    return listed(_provided(DecoderSpec), pattern)


def encoder_sources() -> list[Provided[EncoderSpec]]:
    """The sources that `list_encoders` asks."""
    return _provided(EncoderSpec)


def find_decoder(name: str) -> Provided[DecoderSpec]:
    """A decoder by bare name or canonical id.

    :raises UnknownNameError: when no plugin provides it; AmbiguousNameError when several do.
    :raises OptionError: when it is no string.
    """
    return _find(DecoderSpec, name, "segzoo decoders")


def find_neck(name: str) -> Provided[NeckSpec]:
    """A neck by bare name or canonical id.

    :raises UnknownNameError: when no plugin provides it; AmbiguousNameError when several do.
    :raises OptionError: when it is no string.
    """
    return _find(NeckSpec, name, "segzoo plugins")


def find_importer(name: str) -> Provided[ImporterSpec]:
    """An importer by bare name or canonical id.

    :raises UnknownNameError: when no plugin provides it; AmbiguousNameError when several do.
    :raises OptionError: when it is no string.
    """
    return _find(ImporterSpec, name, "segzoo plugins")


def find_dataset(name: str) -> Provided[DatasetSpec]:
    """A dataset by bare name or canonical id.

    :raises UnknownNameError: when no plugin provides it; AmbiguousNameError when several do.
    :raises OptionError: when it is no string.
    """
    return _find(DatasetSpec, name, "segzoo plugins")


def datasets() -> list[Provided[DatasetSpec]]:
    """All datasets, those that ship with segzoo first."""
    return _provided(DatasetSpec)


def importers() -> list[Provided[ImporterSpec]]:
    """All importers, those that ship with segzoo first."""
    return _provided(ImporterSpec)


def necks_granting(wish: str) -> list[Provided[NeckSpec]]:
    """The necks that fulfil a wish, such as `"pyramid"`, unasked: those that ship with segzoo first."""
    necks = _provided(NeckSpec)
    return [each for each in necks if wish in each.descriptor.grants and not each.descriptor.on_request]


@dataclass
class _Zoo:
    """What was discovered, and what was registered since."""

    plugins: tuple[PluginInfo, ...]
    provided: list[Provided[Any]]


_lock = threading.RLock()
_discovered: _Zoo | None = None
_discovering = False


def _zoo() -> _Zoo:
    """What there is, discovered at the first call."""
    global _discovered, _discovering
    with _lock:
        if _discovered is not None:
            return _discovered
        if _discovering:
            raise PluginError("a plugin can't ask what is in the zoo while it is being imported; do so in its classes")
        _discovering = True
        try:
            found = discovery.discover(discovery.installed(), os.environ)
        finally:
            _discovering = False
        _discovered = _Zoo(
            tuple(info for info, _ in found),
            [
                Provided(descriptor, info.distribution, info.version, info.name)
                for info, descriptors in found
                for descriptor in descriptors
            ],
        )
        for info in _discovered.plugins:
            if info.status not in ("ready", "disabled"):
                warnings.warn(
                    f"plugin {info.id} {info.version} is left out ({info.status}): {info.error}. Upgrade or uninstall "
                    f"it, or silence this with SEGZOO_DISABLE_PLUGINS={info.id}",
                    PluginWarning,
                    stacklevel=2,
                )
        return _discovered


def _provided(kind: type[D]) -> list[Provided[D]]:
    """Those that ship with segzoo first, then by distribution, then those registered at run time."""
    return [cast("Provided[D]", provided) for provided in _zoo().provided if isinstance(provided.descriptor, kind)]


def _find(kind: type[D], name: str, command: str) -> Provided[D]:
    check_name(kind.kind, name)
    everything = _provided(kind)
    if found := [provided for provided in everything if canonical(name) in (provided.id, provided.name)]:
        return only(kind.kind, name, found)
    raise UnknownNameError(unknown(kind.kind, name, listed(everything), command, plugins()))
