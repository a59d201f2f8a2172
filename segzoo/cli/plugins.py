"""`segzoo plugins`: which plugins are installed, and what became of each."""

from __future__ import annotations

import sys
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from segzoo.cli.available import available
from segzoo.cli.tables import json_option, print_json, print_table
from segzoo.errors import UnknownNameError

if TYPE_CHECKING:
    from segzoo.host.discovery import PluginInfo
    from segzoo.host.registry import Provided


@click.group(invoke_without_command=True, short_help="List the plugins that are installed or can be.")
@json_option
@click.pass_context
def plugins(ctx: click.Context, as_json: bool) -> None:
    """List the installed plugins; those that don't work with the reason."""
    from segzoo.host import registry

    if ctx.invoked_subcommand:
        return
    print_table([_row(info, as_json) for info in registry.plugins()], "plugin", as_json)


def _row(info: PluginInfo, as_json: bool) -> dict[str, Any]:
    row = {
        "name": info.name,
        "distribution": info.distribution,
        "version": info.version,
        "status": info.status,
    }
    if not as_json:
        return row | {"provides": info.error or ", ".join(info.provides)}
    return row | {"provides": list(info.provides), "import_ms": info.import_ms, "error": info.error}


@plugins.command(short_help="Show all that is known of a plugin.")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show all that is known of a plugin: what it provides, where it stands, why it fails.

    NAME is that of the plugin, its distribution, distribution:name, or the name of something that it provides.
    """
    from segzoo.host import registry

    found = [(info, registry.provided_by(info)) for info in _called(name)]
    if as_json:
        print_json([_as_dict(info, provided) for info, provided in found])
    else:
        click.echo("\n\n".join(_page(info, provided) for info, provided in found))


plugins.add_command(available)


def _called(name: str) -> list[PluginInfo]:
    from difflib import get_close_matches

    from segzoo.host import registry
    from segzoo.host.discovery import is_called

    installed = registry.plugins()
    if found := [info for info in installed if is_called(name, info.name, info.distribution)]:
        return found
    if found := [info for info in installed if name in (each.rpartition(" ")[2] for each in info.provides)]:
        return found
    names = {label for info in installed for label in (info.name, info.distribution, info.id)}
    near = " or ".join(map(repr, get_close_matches(name, sorted(names))))
    hint = f" (did you mean {near}?)" if near else ""
    raise UnknownNameError(f"no installed plugin is called {name!r}{hint}; `segzoo plugins` lists all")


def _as_dict(info: PluginInfo, provided: list[tuple[str, Provided[Any]]]) -> dict[str, Any]:
    described = [
        {"kind": each.descriptor.kind, "listed_as": label, **asdict(each.descriptor)} for label, each in provided
    ]
    return {**asdict(info), "location": _location(info), "provides": described}


def _page(info: PluginInfo, provided: list[tuple[str, Provided[Any]]]) -> str:
    from tabulate import tabulate

    took = "" if info.import_ms is None else f", imported in {info.import_ms} ms"
    lines = [f"{info.id} {info.version}: {info.status}{took}", f"from {_location(info) or 'nowhere to be found'}"]
    for label, each in provided:
        spec = each.descriptor
        fields = {
            "summary": spec.summary,
            "paper": spec.paper,
            "code": spec.license or "licence not stated",
            "weights": spec.weights_license,
            "class": spec.target,
            "api": str(spec.api),
        }
        lines += ["", f"{spec.kind} {label}"]
        lines += [
            f"  {line}"
            for line in tabulate(
                [(key, value) for key, value in fields.items() if value], tablefmt="plain", disable_numparse=True
            ).splitlines()
        ]
    if info.error:
        lines += ["", info.error]
    if info.traceback:
        lines += ["", info.traceback.rstrip()]
    return "\n".join(lines)


def _location(info: PluginInfo) -> str | None:
    """The file of the module that registers it, found without importing it."""
    module = info.module.partition(":")[0].strip()
    if module in sys.modules:
        return getattr(sys.modules[module], "__file__", None)
    try:
        spec = find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return None
    return spec.origin if spec else None
