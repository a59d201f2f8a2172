"""Encoder sources in use: one instance of each, and the encoders that they know, by name.

What can be answered by a source's index is, and imports no torch: the source is loaded to build an encoder.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from segzoo.errors import PluginError, UnknownNameError
from segzoo.host.descriptors import EncoderSpec
from segzoo.host.discovery import PluginWarning
from segzoo.host.encoder_index import EncoderIndex
from segzoo.host.facts import EncoderFacts, PublishedWeights
from segzoo.host.names import canonical, check_name, listed, only, unknown
from segzoo.host.registry import Provided, encoder_sources, plugins

if TYPE_CHECKING:
    from segzoo.host.encoder_source import EncoderSource

T = TypeVar("T")

_lock = RLock()
_instances: dict[type[Any], Any] = {}
_failures: dict[str, str] = {}
"""Why a source couldn't be asked, by its id."""


@dataclass(frozen=True)
class EncoderFound:
    """An encoder by name.

    :param provided: the descriptor of its source.
    :param index: of that source, or the source itself where it has none.
    :param name: of the encoder within the source, as `source.create` takes it.
    """

    provided: Provided[EncoderSpec]
    index: EncoderIndex
    name: str

    @property
    def source(self) -> EncoderSource:
        """The source itself, one instance per process.

        :raises PluginError: when it can't be loaded.
        """
        if self.provided.descriptor.index:
            return load_source(self.provided)
        return cast("EncoderSource", self.index)

    @property
    def id(self) -> str:
        """The canonical id, `distribution:source/name`."""
        return f"{self.provided.id}/{self.name}"

    @property
    def shipped(self) -> bool:
        """Whether its source comes with segzoo."""
        return self.provided.shipped

    def facts(self) -> EncoderFacts:
        """What matters to a person choosing; what the source doesn't state is taken from its descriptor.

        :raises ContractError: when the encoder doesn't do what it declares.
        """
        known = self.index.known_facts(self.name) if self.provided.descriptor.index else None
        return self._with_descriptor(known or self.source.facts(self.name))

    def known_facts(self) -> EncoderFacts | None:
        """The same where the source knows them beforehand; None where they would have to be measured."""
        known = self.index.known_facts(self.name)
        return known and self._with_descriptor(known)

    def _with_descriptor(self, stated: EncoderFacts) -> EncoderFacts:
        descriptor = self.provided.descriptor
        weights = stated.weights
        if weights is None and descriptor.weights_license:
            weights = (PublishedWeights("", descriptor.weights_license),)
        return replace(
            stated,
            family=stated.family or descriptor.name,
            license=stated.license or descriptor.license,
            weights=weights,
        )


def list_encoders(pattern: str | None = None) -> list[str]:
    """The names of all encoders: bare where they are unambiguous, canonical ids where not.

    :param pattern: a glob on the name, such as `"resnet*"`, or on the canonical id, such as `"segzoo:timm/*"`; case
        doesn't matter.
    """
    return list(encoders(pattern))


def encoders(pattern: str | None = None) -> dict[str, EncoderFound]:
    """What `list_encoders` names. A source that fails is left out, with a warning."""
    return listed(
        [
            EncoderFound(provided, load_index(provided), name)
            for provided in encoder_sources()
            for name in _ask(provided, _names) or ()
        ],
        pattern,
    )


def find_encoder(name: str) -> EncoderFound:
    """An encoder by name.

    `"distribution:source/name"` and `"source/name"` say which source is meant. Any other name goes to the source that
    resolves it, whole (`"hf-hub:timm/resnet50.a1_in1k"`); the sources that ship with segzoo come first.

    :raises UnknownNameError: when no source resolves it; AmbiguousNameError when several do.
    :raises PluginError: when the source that was named can't be loaded.
    :raises OptionError: when it is no string.
    """
    check_name("encoder", name)
    sources = encoder_sources()
    prefix, slash, rest = name.partition("/")
    if named := [provided for provided in sources if slash and provided.id == canonical(prefix)]:
        load_index(named[0])  # or an error that says why not
        for found in _resolving(named, rest):
            return found
        known = _ask(named[0], _names) or ()
        raise UnknownNameError(unknown(f"encoder of {named[0].id}", rest, known, "segzoo encoders", plugins()))
    if qualified := list(_resolving([provided for provided in sources if slash and provided.name == prefix], rest)):
        return only("encoder", name, qualified)
    # One at a time, since asking a source without an index imports it.
    for found in _resolving([provided for provided in sources if provided.shipped], name):
        return found
    if others := list(_resolving([provided for provided in sources if not provided.shipped], name)):
        return only("encoder", name, others)
    raise UnknownNameError(unknown("encoder", name, encoders(), "segzoo encoders", plugins(), _failures.values()))


def load_source(provided: Provided[EncoderSpec]) -> EncoderSource:
    """The instance of an encoder source: one per class and process.

    :raises PluginError: when it can't be imported or constructed, or is no `segzoo.EncoderSource`.
    """
    from segzoo.host.encoder_source import EncoderSource  # which needs torch

    return _instance(provided, provided.load(), EncoderSource)


def load_index(provided: Provided[EncoderSpec]) -> EncoderIndex:
    """The instance of an encoder source's index, likewise; the source itself where it has none."""
    if not provided.descriptor.index:
        return load_source(provided)
    return _instance(provided, provided.load(provided.descriptor.index), EncoderIndex)


def _instance(provided: Provided[EncoderSpec], kind: Any, base: type[Any]) -> Any:
    if not (isinstance(kind, type) and issubclass(kind, base)):
        raise PluginError(
            f"{provided.descriptor.kind} {provided.id} {provided.version} is no segzoo.{base.__name__}, but {kind!r}"
        )
    with _lock:
        if kind not in _instances:
            try:
                _instances[kind] = kind()
            except Exception as error:
                raise PluginError(
                    f"encoder source {provided.id} {provided.version} can't be made: {type(error).__name__}: {error}"
                ) from error
        return _instances[kind]


def _resolving(sources: Iterable[Provided[EncoderSpec]], name: str) -> Iterator[EncoderFound]:
    for provided in sources:
        if _ask(provided, lambda index: index.resolves(name)):
            yield EncoderFound(provided, load_index(provided), name)


def _ask(provided: Provided[EncoderSpec], question: Callable[[EncoderIndex], T]) -> T | None:
    """The answer of an encoder source, or of its index; None, and one warning, when it fails."""
    try:
        answer = question(load_index(provided))
    except Exception as error:
        who = f"encoder source {provided.id} {provided.version}"
        reason = str(error) if isinstance(error, PluginError) else f"{who} failed: {type(error).__name__}: {error}"
        if provided.id not in _failures:
            warnings.warn(f"left out: {reason}", PluginWarning, stacklevel=3)
        _failures[provided.id] = reason
        return None
    _failures.pop(provided.id, None)
    return answer


def _names(source: EncoderIndex) -> list[str]:
    names = list(dict.fromkeys(source.names()))
    if not all(isinstance(name, str) for name in names):
        raise PluginError(f"{type(source).__module__}.{type(source).__name__}.names() must return strings")
    return names
