"""`segzoo install`: getting a plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from packaging.requirements import InvalidRequirement, Requirement

from segzoo.cli import environment
from segzoo.cli.available import say_problem
from segzoo.distributions import NAMESPACE, SHIPPED, normalise
from segzoo.errors import AmbiguousNameError, OptionError
from segzoo.host.discovery import announced

if TYPE_CHECKING:
    from segzoo.directory import Directory

PREFIX = "segzoo-"
"""What the distributions of plugins are called by custom."""


@click.command(short_help="Install plugins into this environment.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--upgrade", is_flag=True, help="Get the newest versions, where older ones are installed.")
@click.option("--yes", is_flag=True, help="Run the command without asking.")
def install(names: tuple[str, ...], upgrade: bool, yes: bool) -> None:
    """Install plugins into this environment: print the command, ask, and run it.

    NAME is a distribution that begins with segzoo- or that segzoo's plugin directory lists, with versions if need be
    ('segzoo-ocr>=1.0'), or the name of a decoder, encoder, neck, importer or dataset that the directory knows. It is
    fetched at most once a day. No plugin is loaded.
    """
    from segzoo import directory

    listed = directory.latest()
    requirements = [requirement(name, listed) for name in names]
    command = environment.install_command(environment.tool(), requirements, upgrade)
    say_problem(listed)
    for name in sorted({normalise(each.name) for each in requirements} - {SHIPPED}):
        if not listed.lists(name):
            click.echo(
                f"{name} is not in segzoo's plugin directory: look at what it is before you install it.", err=True
            )
    environment.run_if_agreed([command], agreed=yes)


def requirement(name: str, listed: Directory) -> Requirement:
    """What to install for a name.

    :param listed: the plugin directory.
    :raises OptionError: when it is no requirement, ships with segzoo, or is not known to be a plugin.
    :raises AmbiguousNameError: when several distributions are known to provide it.
    """
    if any(plugin.shipped and plugin.name == name for plugin in announced()):
        raise OptionError(f"{name!r} ships with segzoo: there is nothing to install")
    found = [listing.distribution for listing in listed.providers(name)]
    if len(found) > 1:
        raise AmbiguousNameError(f"{name!r} is provided by several distributions; say which: {', '.join(found)}")
    if found:
        return Requirement(found[0])
    try:
        asked = Requirement(name)
    except InvalidRequirement as error:
        raise OptionError(f"expected the name of a distribution such as 'segzoo-ocr>=1.0', got {name!r}") from error
    distribution = normalise(asked.name)
    if distribution == NAMESPACE:
        raise OptionError(f"the distribution {distribution!r} is another project; segzoo's own is called {SHIPPED!r}")
    if asked.url:
        raise OptionError(f"expected a name, got an address in {name!r}; install it with pip yourself if you trust it")
    if not distribution.startswith(PREFIX) and not listed.lists(distribution):
        raise OptionError(
            f"{distribution!r} is not known to be a plugin: its name doesn't begin with {PREFIX!r}, and the plugin "
            "directory doesn't list it; if you mean it all the same, install it with pip yourself"
        )
    return asked
