"""`segzoo install`: getting a plugin."""

from __future__ import annotations

import click
from packaging.requirements import InvalidRequirement, Requirement

from segzoo.cli import environment
from segzoo.errors import AmbiguousNameError, OptionError
from segzoo.host import directory
from segzoo.host.discovery import announced


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--upgrade", is_flag=True, help="Get the newest versions, where older ones are installed.")
@click.option("--yes", is_flag=True, help="Run the command instead of printing it.")
def install(names: tuple[str, ...], upgrade: bool, yes: bool) -> None:
    """Print the command that installs plugins into this environment; with --yes, run it.

    NAME is a distribution such as segzoo-ocr, with versions if need be ('segzoo-ocr>=1.0'), or the name of a decoder,
    encoder, neck or importer that segzoo's plugin directory knows. No plugin is loaded.
    """
    requirements = [requirement(name) for name in names]
    command = environment.install_command(environment.tool(), requirements, upgrade, asking=not yes)
    environment.show_or_run([command], run=yes)


def requirement(name: str) -> Requirement:
    """What to install for a name.

    :raises OptionError: when it is no requirement, or ships with segzoo.
    :raises AmbiguousNameError: when several distributions are known to provide it.
    """
    found = [listing.distribution for listing in directory.providers(name)]
    if len(found) > 1:
        raise AmbiguousNameError(f"{name!r} is provided by several distributions; say which: {', '.join(found)}")
    if found:
        return Requirement(found[0])
    try:
        asked = Requirement(name)
    except InvalidRequirement as error:
        raise OptionError(f"expected the name of a distribution such as 'segzoo-ocr>=1.0', got {name!r}") from error
    if any(plugin.shipped and plugin.name == name for plugin in announced()):
        raise OptionError(f"{name!r} ships with segzoo: there is nothing to install")
    return asked
