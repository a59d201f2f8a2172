"""Discovery: finds the installed plugins, applies the user's policy, and asks each for its descriptors.

One plugin at a time. A plugin that fails is a row with a reason, and nothing of it stays. This file imports no torch.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import Distribution, EntryPoint
from textwrap import shorten
from time import perf_counter
from traceback import TracebackException
from typing import Any, Literal

import pluggy

from segzoo import __version__
from segzoo.distributions import NAMESPACE, SHIPPED, distribution_of, namespace, normalise
from segzoo.errors import PluginError
from segzoo.host import hookspecs
from segzoo.host.descriptors import (
    API_VERSION,
    DatasetSpec,
    DecoderSpec,
    Descriptor,
    EncoderSpec,
    ImporterSpec,
    NeckSpec,
)

GROUP = "segzoo"
"""The entry-point group that plugins announce themselves in."""
HOOKS: Mapping[str, type[Descriptor]] = {
    "segzoo_decoders": DecoderSpec,
    "segzoo_encoders": EncoderSpec,
    "segzoo_necks": NeckSpec,
    "segzoo_importers": ImporterSpec,
    "segzoo_datasets": DatasetSpec,
}
"""What each hook returns a list of."""

_ENTRY_POINT = re.compile(r"\s*\w+(\.\w+)*\s*(:\s*\w+(\.\w+)*)?\s*(\[.*\])?\s*\Z")
_UNREADABLE = "entry_points.txt"

Status = Literal["ready", "disabled", "broken", "incompatible", "conflict"]


@dataclass(frozen=True)
class PluginInfo:
    """One installed plugin and what became of it.

    :param name: of the entry point.
    :param distribution: that installed it, normalised (`segzoo-ocr`; `segzoo-torch` is segzoo itself).
    :param status: `ready`, `disabled` by the user, `broken`, `incompatible` with this segzoo, or in `conflict` with
        another plugin.
    :param provides: such as `("decoder ocr",)`; empty unless ready.
    :param import_ms: milliseconds that it took to import and register; None when it was not tried.
    :param error: why it isn't ready, in one line.
    :param traceback: of the error, in full.
    :param module: what its entry point names, such as `segzoo_ocr`; empty where that can't be read.
    """

    name: str
    distribution: str
    version: str
    status: Status
    provides: tuple[str, ...] = ()
    import_ms: float | None = None
    error: str | None = None
    traceback: str | None = field(default=None, repr=False)
    module: str = ""

    @property
    def id(self) -> str:
        """`distribution:name`, and `segzoo:name` of what ships with segzoo."""
        return f"{namespace(self.distribution)}:{self.name}"


@dataclass(frozen=True)
class Candidate:
    """A plugin before it is imported.

    :param entry_point: None where the distribution's list of them can't be read.
    """

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint | None

    @classmethod
    def of(cls, candidate: EntryPoint | Distribution) -> Candidate:
        if isinstance(candidate, EntryPoint):
            name, entry_point, distribution = candidate.name, candidate, candidate.dist
        else:
            name, entry_point, distribution = _UNREADABLE, None, candidate
        return cls(name, _name(distribution), _metadata(distribution, "version"), entry_point)

    @property
    def id(self) -> str:
        return f"{namespace(self.distribution)}:{self.name}"

    @property
    def shipped(self) -> bool:
        return self.distribution == SHIPPED

    def order(self) -> tuple[bool, str, str]:
        """To sort by: what ships with segzoo first, then by distribution."""
        return not self.shipped, self.distribution, self.name

    def is_among(self, names: str) -> bool:
        """Whether a comma-separated list names this plugin or its distribution."""
        return any(is_called(item, self.name, self.distribution) for item in split(names))

    def import_it(self) -> Any:
        if self.entry_point is None:
            raise PluginError(f"{_UNREADABLE} of this distribution is malformed: each line is `name = module`")
        if not _ENTRY_POINT.match(self.entry_point.value):
            raise PluginError(f"an entry point is 'module' or 'module:object', got {self.entry_point.value!r}")
        return self.entry_point.load()


class PluginWarning(UserWarning):
    """A plugin failed; everything else goes on without it."""


class _RefusedError(PluginError):
    """A plugin that works, but can't be let in."""

    def __init__(self, status: Status, message: str) -> None:
        super().__init__(message)
        self.status: Status = status


def split(names: str) -> list[str]:
    """The items of a comma-separated list, as the environment variables have them."""
    return [item.strip() for item in names.split(",") if item.strip()]


def is_called(asked: str, name: str, distribution: str) -> bool:
    """Whether a plugin may be called so: by its entry point, its distribution, or `distribution:name`.

    >>> is_called("segzoo_ocr:ocr", "ocr", "segzoo-ocr")
    True
    """
    prefix, colon, bare = asked.rpartition(":")
    if colon and (distribution_of(normalise(prefix)), bare) == (distribution, name):
        return True
    return asked == name or distribution_of(normalise(asked)) == distribution


def installed() -> Iterator[EntryPoint | Distribution]:
    """The entry points of all installed plugins, and the distributions whose list of them can't be read.

    `importlib.metadata.entry_points()` raises when a single distribution's list is malformed, so each is read alone.
    The other project called segzoo has no plugins of ours, whatever it announces.
    """
    seen = set()
    for distribution in importlib.metadata.distributions():
        if not _announces_plugins(distribution):  # most of them: reading their metadata would take longer than the rest
            continue
        name = _name(distribution)
        if name in seen or name == NAMESPACE or not _announces_plugins(_first(name, distribution)):
            continue
        seen.add(name)
        try:
            yield from distribution.entry_points.select(group=GROUP)
        except Exception:
            yield distribution


def announced() -> list[Candidate]:
    """The installed plugins before any is imported, those that ship with segzoo first."""
    return sorted(map(Candidate.of, installed()), key=Candidate.order)


def discover(
    candidates: Iterable[EntryPoint | Distribution], environ: Mapping[str, str]
) -> list[tuple[PluginInfo, tuple[Descriptor, ...]]]:
    """Load plugins, those that ship with segzoo first.

    :param candidates: as `installed` gives them.
    :param environ: where the policy stands. `SEGZOO_PLUGINS` names the third-party plugins to load, all if unset;
        `SEGZOO_DISABLE_PLUGINS` those not to. Both are comma-separated entry points, distributions or
        `distribution:name`, and apply before anything is imported. With `SEGZOO_STRICT_PLUGINS=1` a failure raises.
    :returns: each plugin with the descriptors that it provides: none unless it is ready.
    :raises PluginError: for the first plugin that fails, when strict.
    """
    discovery = _Discovery(environ)
    found = [Candidate.of(candidate) for candidate in candidates]
    return [discovery.load(candidate) for candidate in sorted(found, key=Candidate.order)]


class _Discovery:
    """Loads plugins one after another, and keeps track of the names that are taken."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.allowed = environ.get("SEGZOO_PLUGINS")
        self.disabled = environ.get("SEGZOO_DISABLE_PLUGINS", "")
        self.strict = environ.get("SEGZOO_STRICT_PLUGINS", "") not in ("", "0")
        self.owner: dict[tuple[str, str, str], str] = {}  # (distribution, kind, name): plugin
        self.reserved: dict[str, str] = {}  # name of a plugin that ships with segzoo and isn't ready: its status
        self.batch: list[Descriptor] = []
        self.manager = pluggy.PluginManager(GROUP)
        self.manager.add_hookspecs(hookspecs)
        # The hooks are historic: from here on, registering a plugin calls its own hooks, and those of no other.
        for hook, kind in HOOKS.items():
            getattr(self.manager.hook, hook).call_historic(result_callback=partial(self.collect, hook, kind))

    def load(self, candidate: Candidate) -> tuple[PluginInfo, tuple[Descriptor, ...]]:
        module = candidate.entry_point.value if candidate.entry_point else ""
        row = partial(PluginInfo, candidate.name, candidate.distribution, candidate.version, module=module)
        if reason := self.refused_by_user(candidate):
            info = row("disabled", error=reason)
        else:
            start = perf_counter()
            try:
                descriptors = self.register(candidate)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit and the like included: no plugin may end the program
                trace = TracebackException.from_exception(error)
                said = str(trace) if isinstance(error, PluginError) else f"{type(error).__name__}: {trace}"
                reason = shorten(said, 500, placeholder=" ...")
                if self.strict:
                    raise PluginError(f"plugin {candidate.id} {candidate.version}: {reason}") from error
                status = error.status if isinstance(error, _RefusedError) else "broken"
                info = row(status, import_ms=_ms_since(start), error=reason, traceback="".join(trace.format()))
            else:
                provides = tuple(f"{descriptor.kind} {descriptor.name}" for descriptor in descriptors)
                return row("ready", provides, _ms_since(start)), descriptors
        if candidate.shipped:
            self.reserved[candidate.name.lower()] = info.status
        return info, ()

    def refused_by_user(self, candidate: Candidate) -> str | None:
        if candidate.is_among(self.disabled):
            return "named in SEGZOO_DISABLE_PLUGINS"
        if self.allowed is not None and not candidate.shipped and not candidate.is_among(self.allowed):
            return "not named in SEGZOO_PLUGINS"
        return None

    def register(self, candidate: Candidate) -> tuple[Descriptor, ...]:
        """Import a plugin and take in what it provides: all of it or nothing."""
        plugin = candidate.import_it()
        if self.manager.has_plugin(candidate.id):
            raise _RefusedError("conflict", f"its distribution announces {candidate.name!r} twice")
        if twin := self.manager.get_name(plugin):
            raise _RefusedError("conflict", f"the same module is loaded already, as {twin}")
        self.batch = []
        try:
            self.manager.register(plugin, name=candidate.id)
            for descriptor in self.batch:  # first: what is made for another api may well have hooks unknown to this one
                check_api(descriptor)
            self.manager.check_pending()
            if not self.manager.get_hookcallers(plugin):
                raise PluginError(
                    f"it implements no hook: write one of {', '.join(HOOKS)} and mark it with @segzoo.hookimpl"
                )
            taken = {self.claim(candidate, descriptor): candidate.id for descriptor in self.batch}
        except BaseException:
            if self.manager.has_plugin(candidate.id):
                self.manager.unregister(name=candidate.id)
            raise
        self.owner.update(taken)
        return tuple(self.batch)

    def collect(self, hook: str, kind: type[Descriptor], result: object) -> None:
        """Called by pluggy with what one hook of one plugin returned."""
        if not isinstance(result, Iterable):
            raise PluginError(f"{hook} must return a list of {kind.__name__}, got {_type(result)}")
        for descriptor in result:
            if not isinstance(descriptor, kind):
                raise PluginError(f"{hook} must return a list of {kind.__name__}, got one of {_type(descriptor)}")
            self.batch.append(descriptor)

    def claim(self, candidate: Candidate, descriptor: Descriptor) -> tuple[str, str, str]:
        """The key that a descriptor takes, if it may."""
        kind, name = descriptor.kind, descriptor.name.lower()
        if not candidate.shipped and ((SHIPPED, kind, name) in self.owner or name in self.reserved):
            state = f" (which is {self.reserved[name]})" if name in self.reserved else ""
            reason = f"the name {descriptor.name!r} is reserved: segzoo has one of its own{state}; rename this one"
            raise _RefusedError("conflict", reason)
        key = candidate.distribution, kind, name
        twins = [other for other in self.batch if (other.kind, other.name.lower()) == (kind, name)]
        if len(twins) > 1:
            raise _RefusedError("conflict", f"it provides {kind} {descriptor.name!r} {len(twins)} times")
        if key in self.owner:
            raise _RefusedError("conflict", f"{kind} {descriptor.name!r} is provided by {self.owner[key]} already")
        return key


def check_api(descriptor: Descriptor) -> None:
    """Refuse a descriptor that was written for another version of the plugin interface.

    :raises PluginError: that names both versions.
    """
    if descriptor.api != API_VERSION:
        change = "upgrade segzoo" if descriptor.api > API_VERSION else "upgrade the plugin"
        raise _RefusedError(
            "incompatible",
            f"{descriptor.kind} {descriptor.name!r} is made for plugin api {descriptor.api}, and segzoo {__version__} "
            f"has api {API_VERSION}; {change}",
        )


def _ms_since(start: float) -> float:
    return round((perf_counter() - start) * 1000, 1)


def _type(value: object) -> str:
    return f"type {type(value).__name__}"


def _first(name: str, distribution: Distribution) -> Distribution:
    """Of the distributions of that name the one that gets imported: the first on the path."""
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:  # its metadata can't be read
        return distribution


def _announces_plugins(distribution: Distribution) -> bool:
    try:
        return f"[{GROUP}]" in (distribution.read_text(_UNREADABLE) or "")
    except Exception:  # not even text
        return False


def _name(distribution: Distribution | None) -> str:
    return normalise(_metadata(distribution, "name"))


def _metadata(distribution: Distribution | None, what: Literal["name", "version"]) -> str:
    """The metadata of a broken installation may be missing, which raises in some Pythons and gives None in others."""
    try:
        return getattr(distribution, what, None) or "unknown"
    except Exception:
        return "unknown"
