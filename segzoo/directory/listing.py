"""An entry of the directory, and what its last check found.

What a document says ends up on people's screens and in commands of pip, so each text is one line that can be printed,
and each name one that a plugin can have. Fields that this segzoo doesn't know are left alone: later ones may have more.
"""

from __future__ import annotations

import datetime
import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from segzoo.distributions import NAMESPACE, SHIPPED, is_name, normalise
from segzoo.errors import DirectoryError


def _line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("expected one line of text")
    return text


def _name(name: str) -> str:
    if not is_name(name):
        raise ValueError("expected a name of letters, digits and any of _ . + -")
    return name


def _distribution(name: str) -> str:
    if _name(name) != normalise(name):
        raise ValueError(f"expected a normalised name, such as {normalise(name)!r}")
    if name in (SHIPPED, NAMESPACE):
        raise ValueError("it is no plugin's")
    return name


def _address(text: str) -> str:
    if not _line(text).startswith("https://"):
        raise ValueError("expected an https address")
    return text


Line = Annotated[str, AfterValidator(_line)]
Name = Annotated[str, AfterValidator(_name)]
Names = tuple[Name, ...]
STRICT = ConfigDict(frozen=True, strict=True)


class Findings(BaseModel):
    """What the conformance kit found of one decoder, encoder or neck.

    :param passed: the checks that it passed.
    :param failed: why, by check.
    :param skipped: why it couldn't be checked, by check.
    """

    model_config = STRICT

    passed: Names = ()
    failed: dict[Name, Line] = {}
    skipped: dict[Name, Line] = {}


class Conformance(BaseModel):
    """What became of a distribution when it was last installed and checked.

    :param date: of the check.
    :param versions: of the distribution itself and of what it was checked with: segzoo-torch, torch, timm, python.
    :param error: why it couldn't be installed, loaded or checked to the end; None if it could.
    :param findings: of the kit, by kind and name: `"decoder gated"`. Datasets and importers are loaded alone.
    """

    model_config = STRICT

    date: datetime.date
    versions: dict[Name, Line] = {}
    error: Line | None = None
    findings: dict[Line, Findings] = {}

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return self.error is None and not any(found.failed for found in self.findings.values())


class Listing(BaseModel):
    """One published distribution and the names that it provides.

    :param distribution: as the package index calls it, normalised (`segzoo-ocr`).
    :param summary: one line.
    :param homepage: an https address.
    :param decoders: names, and likewise `encoders`, `necks`, `importers` and `datasets`; not all are empty.
    :param conformance: what its last check found; None before the first.
    """

    model_config = STRICT

    distribution: Annotated[str, AfterValidator(_distribution)]
    summary: Line
    homepage: Annotated[str, AfterValidator(_address)]
    decoders: Names = ()
    encoders: Names = ()
    necks: Names = ()
    importers: Names = ()
    datasets: Names = ()
    conformance: Conformance | None = None

    @model_validator(mode="after")
    def _provides_something(self) -> Listing:
        if not self.provided():
            raise ValueError(f"expected names in any of {', '.join(f'{kind}s' for kind in KINDS)}")
        return self

    @property
    def version(self) -> str | None:
        """The one that was checked last; None before the first check."""
        return self.conformance.versions.get(self.distribution) if self.conformance else None

    def provided(self) -> list[tuple[str, str]]:
        """Kind and name of each thing: `("decoder", "ocr")`."""
        return [(kind, name) for kind in KINDS for name in getattr(self, f"{kind}s")]

    def provides(self, name: str) -> bool:
        """Whether it provides something of that name, of whatever kind; case doesn't matter."""
        return any(name.lower() == each.lower() for _, each in self.provided())


KINDS = ("decoder", "encoder", "neck", "importer", "dataset")


def read_listing(entry: Any) -> Listing:
    """An entry of a document.

    :param entry: plain data, as JSON has it.
    :raises DirectoryError: when it isn't valid, in one line.
    """
    try:
        return Listing.model_validate_json(json.dumps(entry))
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, each['loc'])) or 'entry'}: {each['msg'].removeprefix('Value error, ')}"
            + (f", got {each['input']!r:.80}" if each["loc"] and each["type"] != "missing" else "")
            for each in error.errors()
        ]
        raise DirectoryError("; ".join(wrong)) from error
