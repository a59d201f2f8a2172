"""`segzoo install`: getting a plugin."""

from __future__ import annotations

import click
from packaging.requirements import InvalidRequirement, Requirement

from segzoo.cli import environment
from segzoo.errors import AmbiguousNameError, OptionError
from segzoo.host import directory
from segzoo.host.discovery import NAMESPACE, SHIPPED, announced, normalise

PREFIX = "segzoo-"
"""What the distributions of plugins are called by custom."""


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--upgrade", is_flag=True, help="Get the newest versions, where older ones are installed.")
@click.option("--yes", is_flag=True, help="Run the command without asking.")
def install(names: tuple[str, ...], upgrade: bool, yes: bool) -> None:
    """Install plugins into this environment: print the command, ask, and run it.

    NAME is a distribution that begins with segzoo- or that segzoo's plugin directory lists, with versions if need be
    ('segzoo-ocr>=1.0'), or the name of a decoder, encoder, neck or importer that the directory knows. No plugin is
    loaded.
    """
    requirements = [requirement(name) for name in names]
    command = environment.install_command(environment.tool(), requirements, upgrade)
    for unlisted in sorted({normalise(each.name) for each in requirements} - _listed() - {SHIPPED}):
        click.echo(
            f"{unlisted} is not in segzoo's plugin directory: look at what it is before you install it.", err=True
        )
    environment.run_if_agreed([command], agreed=yes)


def requirement(name: str) -> Requirement:
    """What to install for a name.

    :raises OptionError: when it is no requirement, ships with segzoo, or is not known to be a plugin.
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
    distribution = normalise(asked.name)
    if distribution == NAMESPACE:
        raise OptionError(f"the distribution {distribution!r} is another project; segzoo's own is called {SHIPPED!r}")
    if asked.url:
        raise OptionError(f"expected a name, got an address in {name!r}; install it with pip yourself if you trust it")
    if not distribution.startswith(PREFIX) and distribution not in _listed():
        raise OptionError(
            f"{distribution!r} is not known to be a plugin: its name doesn't begin with {PREFIX!r}, and the plugin "
            "directory doesn't list it; if you mean it all the same, install it with pip yourself"
        )
    return asked


def _listed() -> set[str]:
    return {listing.distribution for listing in directory.listings()}
