"""The registry: everything that the installed plugins provide, by name.

Plugins are discovered once per process, at the first question. Listing decoders imports no torch; encoder sources are
imported when an encoder is listed or looked up.
"""

from __future__ import annotations

import importlib
import os
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from segzoo import directory, discovery
from segzoo.descriptors import DecoderSpec, Descriptor, EncoderSpec, ImporterSpec, NeckSpec
from segzoo.discovery import SHIPPED, PluginInfo, PluginWarning, normalise
from segzoo.errors import AmbiguousNameError, OptionError, PluginError, UnknownNameError

if TYPE_CHECKING:
    from segzoo.encoder import EncoderSource

RUNTIME = "runtime"
"""Stands for the distribution of what `register` was given."""

D = TypeVar("D", bound=Descriptor)
T = TypeVar("T")
Found = TypeVar("Found", "Provided[Any]", "EncoderFound")


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
        """The canonical id, `distribution:name`."""
        return f"{self.distribution}:{self.descriptor.name}"

    @property
    def name(self) -> str:
        """The bare name."""
        return self.descriptor.name

    @property
    def shipped(self) -> bool:
        """Whether it comes with segzoo."""
        return self.distribution == SHIPPED

    def load(self) -> type[Any]:
        """Import the class that the descriptor names.

        :raises PluginError: when its module can't be imported, or has no such attribute.
        """
        module, _, attribute = self.descriptor.target.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit included: no plugin may end the program
            remedy = (
                "correct its target" if self.distribution == RUNTIME else f"reinstall or upgrade {self.distribution}"
            )
            raise PluginError(
                f"{self.descriptor.kind} {self.id} {self.version} can't be loaded from {self.descriptor.target!r}: "
                f"{type(error).__name__}: {error}; {remedy}"
            ) from error


@dataclass(frozen=True)
class EncoderFound:
    """An encoder by name.

    :param provided: the descriptor of its source.
    :param source: the source itself, one instance per process.
    :param name: of the encoder within the source, as `source.create` takes it.
    """

    provided: Provided[EncoderSpec]
    source: EncoderSource
    name: str

    @property
    def id(self) -> str:
        """The canonical id, `distribution:source/name`."""
        return f"{self.provided.id}/{self.name}"

    @property
    def shipped(self) -> bool:
        """Whether its source comes with segzoo."""
        return self.provided.shipped


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
        for label, provided in _listed([p for p in everything if p.descriptor.kind == kind], None).items()
        if (provided.distribution, provided.plugin) == (info.distribution, info.name)
    ]


def register(spec: Descriptor) -> None:
    """Add a decoder, encoder source, neck or importer for the rest of this process, under `runtime:name`.

    Registering the same name again replaces it, so a notebook's cell can be run twice.

    :param spec: its target may be in `__main__`, such as `"__main__:MyDecoder"`.
    :raises PluginError: when the name is reserved for one that ships with segzoo.
    :raises OptionError: when it is no descriptor.
    """
    if not isinstance(spec, DecoderSpec | EncoderSpec | NeckSpec | ImporterSpec):
        raise OptionError(
            f"register takes a DecoderSpec, EncoderSpec, NeckSpec or ImporterSpec, got {spec!r}; create_model takes "
            "classes and modules as they are"
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

    :param pattern: a glob on the name or the canonical id, such as `"u*"`; case doesn't matter.
    """
    return list(decoders(pattern))


def list_encoders(pattern: str | None = None) -> list[str]:
    """The names of all encoders: bare where they are unambiguous, canonical ids where not.

    :param pattern: a glob on the name or the canonical id, such as `"resnet*"`; case doesn't matter.
    """
    return list(encoders(pattern))


def decoders(pattern: str | None = None) -> dict[str, Provided[DecoderSpec]]:
    """What `list_decoders` names."""
    return _listed(_provided(DecoderSpec), pattern)


def encoders(pattern: str | None = None) -> dict[str, EncoderFound]:
    """What `list_encoders` names. A source that fails is left out, with a warning."""
    return _listed(
        [
            EncoderFound(provided, load_source(provided), name)
            for provided in encoder_sources()
            for name in _ask(provided, _names) or ()
        ],
        pattern,
    )


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


def importers() -> list[Provided[ImporterSpec]]:
    """All importers, those that ship with segzoo first."""
    return _provided(ImporterSpec)


def necks_granting(wish: str) -> list[Provided[NeckSpec]]:
    """The necks that fulfil a wish, such as `"pyramid"`, those that ship with segzoo first."""
    return [provided for provided in _provided(NeckSpec) if wish in provided.descriptor.grants]


def find_encoder(name: str) -> EncoderFound:
    """An encoder by name.

    `"distribution:source/name"` and `"source/name"` say which source is meant. Any other name goes to the source that
    resolves it, whole (`"hf-hub:timm/resnet50.a1_in1k"`); the sources that ship with segzoo come first.

    :raises UnknownNameError: when no source resolves it; AmbiguousNameError when several do.
    :raises PluginError: when the source that was named can't be loaded.
    :raises OptionError: when it is no string.
    """
    _check_name("encoder", name)
    sources = encoder_sources()
    prefix, slash, rest = name.partition("/")
    if named := [provided for provided in sources if slash and provided.id == _canonical(prefix)]:
        load_source(named[0])
        for found in _resolving(named, rest):
            return found
        known = _ask(named[0], _names) or ()
        raise UnknownNameError(_unknown(f"encoder of {named[0].id}", rest, known, "segzoo encoders"))
    if qualified := list(_resolving([provided for provided in sources if slash and provided.name == prefix], rest)):
        return _only("encoder", name, qualified)
    # One at a time, since asking a source imports it: nobody waits for timm to get an encoder of another source.
    for found in _resolving([provided for provided in sources if provided.shipped], name):
        return found
    if others := list(_resolving([provided for provided in sources if not provided.shipped], name)):
        return _only("encoder", name, others)
    raise UnknownNameError(_unknown("encoder", name, encoders(), "segzoo encoders", _zoo().failures.values()))


def load_source(provided: Provided[EncoderSpec]) -> EncoderSource:
    """The instance of an encoder source: one per class and process.

    :raises PluginError: when it can't be imported or constructed, or is no `segzoo.EncoderSource`.
    """
    kind = provided.load()
    from segzoo.encoder import EncoderSource

    if not (isinstance(kind, type) and issubclass(kind, EncoderSource)):
        raise PluginError(f"encoder source {provided.id} {provided.version} is no segzoo.EncoderSource, but {kind!r}")
    sources = _zoo().sources
    with _lock:
        if kind not in sources:
            try:
                sources[kind] = kind()
            except Exception as error:
                raise PluginError(
                    f"encoder source {provided.id} {provided.version} can't be made: {type(error).__name__}: {error}"
                ) from error
        return sources[kind]


@dataclass
class _Zoo:
    """What was discovered, what was registered since, the sources in use, and why others are not, by id."""

    plugins: tuple[PluginInfo, ...]
    provided: list[Provided[Any]]
    sources: dict[type, EncoderSource] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


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
    _check_name(kind.kind, name)
    everything = _provided(kind)
    canonical = _canonical(name)
    if found := [provided for provided in everything if canonical in (provided.id, provided.name)]:
        return _only(kind.kind, name, found)
    raise UnknownNameError(_unknown(kind.kind, name, _listed(everything, None), command))


def _listed(everything: Sequence[Found], pattern: str | None) -> dict[str, Found]:
    """By the shortest name that `find_decoder` or `find_encoder` takes."""
    shipped = Counter(found.name for found in everything if found.shipped)
    count = Counter(found.name for found in everything)
    glob = (pattern or "*").lower()
    listed = {}
    for found in everything:
        rivals = shipped[found.name] if found.shipped else count[found.name]
        if any(fnmatchcase(label.lower(), glob) for label in (found.name, found.id)):
            listed[found.name if rivals == 1 else found.id] = found
    return listed


def _resolving(sources: Iterable[Provided[EncoderSpec]], name: str) -> Iterator[EncoderFound]:
    for provided in sources:
        if _ask(provided, lambda source: source.resolves(name)):
            yield EncoderFound(provided, load_source(provided), name)


def _ask(provided: Provided[EncoderSpec], question: Callable[[EncoderSource], T]) -> T | None:
    """An encoder source's answer; None, and one warning, when it fails."""
    failures = _zoo().failures
    try:
        answer = question(load_source(provided))
    except Exception as error:
        who = f"encoder source {provided.id} {provided.version}"
        reason = str(error) if isinstance(error, PluginError) else f"{who} failed: {type(error).__name__}: {error}"
        if provided.id not in failures:
            warnings.warn(f"left out: {reason}", PluginWarning, stacklevel=3)
        failures[provided.id] = reason
        return None
    failures.pop(provided.id, None)
    return answer


def _names(source: EncoderSource) -> list[str]:
    names = list(dict.fromkeys(source.names()))
    if not all(isinstance(name, str) for name in names):
        raise PluginError(f"{type(source).__module__}.{type(source).__name__}.names() must return strings")
    return names


def _only(kind: str, name: str, found: Sequence[Found]) -> Found:
    if len(found) > 1:
        ids = ", ".join(repr(candidate.id) for candidate in found)
        raise AmbiguousNameError(f"{kind} {name!r} is provided by several plugins; say which is meant: {ids}")
    return found[0]


def _canonical(name: str) -> str:
    """The name with its distribution, if it has one, normalised."""
    distribution, colon, bare = name.rpartition(":")
    return f"{normalise(distribution)}:{bare}" if colon else name


def _check_name(kind: str, name: object) -> None:
    if not isinstance(name, str) or not name:
        raise OptionError(f"the name of a {kind} is a string that isn't empty, got {name!r}")


def _unknown(kind: str, name: str, known: Iterable[str], command: str, failures: Iterable[str] = ()) -> str:
    by_lower = {label.lower(): label for label in known}
    near = " or ".join(repr(by_lower[label]) for label in get_close_matches(name.lower(), by_lower))
    hint = f" (did you mean {near}?)" if near else ""
    here = {info.distribution for info in plugins()}
    for listing in directory.providers(name):
        if listing.distribution not in here:
            hint += f"; `segzoo install {listing.distribution}` would get it ({listing.summary})"
    failed = [f"{info.id} ({info.status}: {info.error})" for info in plugins() if info.status != "ready"]
    failed += failures
    left_out = f"; not loaded: {', '.join(failed)}" if failed else ""
    return f"there is no {kind} {name!r}{hint}; `{command}` lists all{left_out}"
