"""Writes reference.md beside this file, from hooks, descriptors, checks and commands: `python docs/reference.py`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import click
from tabulate import tabulate

import segzoo
from segzoo import options
from segzoo.cli import main
from segzoo.host import hookspecs
from segzoo.host.descriptors import Descriptor
from segzoo.host.discovery import HOOKS
from segzoo.testing import checks

PAGE = Path(__file__).with_name("reference.md")
PARAMETER = re.compile(r":param (\w+): (.*?)(?=\n\s*:|\Z)", re.DOTALL)
ALIAS = re.compile(r'^([A-Z]\w+) = [^\n]*\n"""(.*?)"""$', re.MULTILINE)
WHAT_THEY_DESCRIBE = (segzoo.Decoder, segzoo.EncoderSource, segzoo.Neck, segzoo.Importer, segzoo.Dataset)
KINDS = ("decoder", "encoder", "neck")

INTRODUCTION = """# Reference for plugin authors

Hooks, descriptors, checks and commands, as the code has them. This page is written by `python docs/reference.py`; the
[tutorial](tutorial.md) shows them at work.

A plugin is a module that is announced as an entry point of the group `segzoo`, and implements hooks. Each hook returns
descriptors, and imports nothing heavy: what a descriptor describes is imported when a model is built.
"""
OPTIONS = """## Options

The parameters of a decoder's `__init__` and of its `negotiate` are its options; `stages`, `offer` and `classes` are
not. An annotation of plain data is a declaration: `width: Annotated[int, Ge(1)] = 256`, with the limits of
`annotated_types`. The core holds what is given against it before the decoder negotiates, strictly: `True` is no
number, `"3"` and `3.0` are no whole numbers. A list serves for a tuple, since options are saved as JSON. A parameter
without an annotation takes anything. What depends on several options, or on the stages, is checked in `negotiate` or
`__init__`, by an `OptionError`. Many decoders share the annotations of `segzoo.options`:
"""
STATUSES = """## What becomes of a plugin

`segzoo plugins` shows each with a status: `ready`; `disabled` by one of the variables below; `broken`, when importing
or registering it fails; `incompatible`, when it is made for another version of segzoo's plugin interface (`api`); in
`conflict`, when it takes a name that ships with segzoo. One that isn't ready is left out as a whole, with one warning,
and everything else goes on working. Two distributions may provide the same name: then `distribution:name` says which.

A plugin is named by its entry point, its distribution, or `distribution:name`.

| variable | effect |
| --- | --- |
| `SEGZOO_PLUGINS` | the third-party plugins to load, comma-separated; all if unset |
| `SEGZOO_DISABLE_PLUGINS` | those not to load; they aren't even imported |
| `SEGZOO_STRICT_PLUGINS=1` | the first plugin that fails raises its error |
"""


def page() -> str:
    sections = (_hooks(), _descriptors(), _base_classes(), _options(), [STATUSES], _checks(), _commands())
    return "\n".join([INTRODUCTION, *chain.from_iterable(sections)])


def _hooks() -> Iterator[str]:
    rows = [(f"`{name}`", f"`{kind.__name__}`", _first_line(getattr(hookspecs, name))) for name, kind in HOOKS.items()]
    yield from _section("Hooks", ["hook", "returns a list of", "for"], rows)


def _descriptors() -> Iterator[str]:
    rows = [(f"`{name}`", "all", meaning) for name, meaning in _parameters(Descriptor)]
    for kind in HOOKS.values():
        rows += [(f"`{name}`", f"`{kind.__name__}`", meaning) for name, meaning in _parameters(kind)]
    yield from _section("Fields of descriptors", ["field", "of", "meaning"], rows)


def _base_classes() -> Iterator[str]:
    rows = [(f"`segzoo.{each.__name__}`", _first_line(each)) for each in WHAT_THEY_DESCRIBE]
    yield from _section("What a descriptor's target is", ["base class", "summary; its docstring says the rest"], rows)


def _options() -> Iterator[str]:
    yield OPTIONS
    rows = [
        (f"`{name}`", str(options.Option(name, options.EMPTY, getattr(options, name)).takes), meaning)
        for name, meaning in ALIAS.findall(inspect.getsource(options))
    ]
    yield tabulate(rows, headers=["annotation", "takes", "meaning"], tablefmt="github")
    yield ""


def _checks() -> Iterator[str]:
    kinds = {kind: {check.name: check.promise for check in checks(kind)} for kind in KINDS}
    promises = {(name, promise) for each in kinds.values() for name, promise in each.items()}
    order = [name for each in kinds.values() for name in each]
    rows = [
        (f"`{name}`", ", ".join(kind for kind in KINDS if kinds[kind].get(name) == promise), promise)
        for name, promise in sorted(promises, key=lambda each: (order.index(each[0]), each[1]))
    ]
    yield from _section("Checks of the conformance kit", ["check", "of", "promise"], rows)


def _commands() -> Iterator[str]:
    context = click.Context(main, info_name="segzoo")
    rows = [(f"`{path}`", help_line) for path, help_line in _walk(main, context)]
    yield from _section("Commands", ["command", "what it does"], rows)


def _walk(group: click.Group, context: click.Context) -> Iterator[tuple[str, str]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        inner = click.Context(command, info_name=name, parent=context)
        yield inner.command_path, command.get_short_help_str(limit=200)
        if isinstance(command, click.Group):
            yield from _walk(command, inner)


def _section(title: str, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"## {title}\n"
    yield tabulate([[cell.replace("|", "\\|") for cell in row] for row in rows], headers=headers, tablefmt="github")
    yield ""


def _parameters(kind: type) -> list[tuple[str, str]]:
    found = PARAMETER.findall(inspect.getdoc(kind) or "") if "__doc__" in vars(kind) else []
    return [(name, " ".join(meaning.split())) for name, meaning in found]


def _first_line(thing: object) -> str:
    paragraph, *_ = (inspect.getdoc(thing) or "").split("\n\n")
    return " ".join(paragraph.split())


if __name__ == "__main__":
    PAGE.write_text(page())
