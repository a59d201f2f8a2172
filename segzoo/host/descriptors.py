"""Descriptors: how a plugin says what it provides, without importing it.

A descriptor names its class as `"module:Class"`; the module is imported when a model is built. This file imports no
torch, and neither should the module that a plugin registers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from segzoo.distributions import is_name
from segzoo.errors import PluginError

API_VERSION = 1
"""The version of the contract between segzoo and its plugins."""

_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*\Z")


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """What all descriptors have.

    :param name: the bare name, unique within its distribution and kind.
    :param target: `"module:Class"`, imported when it is needed.
    :param summary: one line for listings.
    :param paper: such as `"arXiv:1505.04597"`.
    :param license: of the code.
    :param weights_license: of the published weights, if there are any.
    :param api: the version of segzoo's plugin interface that this was written for.
    :raises PluginError: when a field is not valid.
    """

    kind: ClassVar[str]

    name: str
    target: str
    summary: str = ""
    paper: str = ""
    license: str = ""
    weights_license: str = ""
    api: int = API_VERSION

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not is_name(self.name):
            raise PluginError(f"a {self.kind}'s name is letters, digits and any of _ . + -, got {self.name!r}")
        if not isinstance(self.target, str) or not _TARGET.match(self.target):
            raise PluginError(f"{self.kind} {self.name!r} needs a target 'package.module:Class', got {self.target!r}")
        if not isinstance(self.api, int) or isinstance(self.api, bool):
            raise PluginError(f"{self.kind} {self.name!r} needs a whole number as api, got {self.api!r}")


@dataclass(frozen=True, kw_only=True)
class DecoderSpec(Descriptor):
    """Describes a `segzoo.Decoder`.

    :param good_for: when to choose it, and when not, in one or two sentences.
    """

    kind: ClassVar[str] = "decoder"

    good_for: str = ""


@dataclass(frozen=True, kw_only=True)
class EncoderSpec(Descriptor):
    """Describes a `segzoo.EncoderSource`: a provider of one or many encoders by name.

    :param index: `"module:Class"` of a `segzoo.EncoderIndex` whose module imports no torch; by default the source
        itself is asked for its names.
    """

    kind: ClassVar[str] = "encoder source"

    index: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.index, str) or (self.index and not _TARGET.match(self.index)):
            raise PluginError(f"{self.kind} {self.name!r} needs an index 'package.module:Class', got {self.index!r}")


@dataclass(frozen=True, kw_only=True)
class NeckSpec(Descriptor):
    """Describes a `segzoo.Neck`.

    :param grants: the wishes that this neck fulfils, such as `("pyramid",)`.
    :param on_request: whether it is used only where it is named, and never found for a wish by `neck="auto"`.
    """

    kind: ClassVar[str] = "neck"

    grants: tuple[str, ...] = ()
    on_request: bool = False


@dataclass(frozen=True, kw_only=True)
class ImporterSpec(Descriptor):
    """Describes an importer of somebody else's checkpoint format."""

    kind: ClassVar[str] = "importer"


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Descriptor):
    """Describes a `segzoo.Dataset`: a form in which images and their masks are stored."""

    kind: ClassVar[str] = "dataset"
