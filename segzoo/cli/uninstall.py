"""`segzoo uninstall`: getting rid of a plugin, a broken one too."""

from __future__ import annotations

import click

from segzoo.cli import environment
from segzoo.distributions import SHIPPED
from segzoo.errors import AmbiguousNameError, OptionError, UnknownNameError
from segzoo.host.discovery import announced, is_called


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", is_flag=True, help="Run the command without asking.")
def uninstall(names: tuple[str, ...], yes: bool) -> None:
    """Uninstall plugins: print the command, ask, and run it.

    NAME is a plugin or its distribution, as `segzoo plugins` lists them, or a decoder, encoder, neck, importer or
    dataset that segzoo's plugin directory knows. No plugin is loaded.
    """
    chosen = list(dict.fromkeys(distribution(name) for name in names))
    by_conda = [each for each in chosen if environment.installer(each) == "conda"]
    others = [each for each in chosen if each not in by_conda]
    commands = [environment.uninstall_command("conda", by_conda)] if by_conda else []
    commands += [environment.uninstall_command(environment.tool(), others)] if others else []
    environment.run_if_agreed(commands, agreed=yes)


def distribution(name: str) -> str:
    """The installed distribution that a name stands for.

    :raises UnknownNameError: when no installed plugin is called that; AmbiguousNameError when several are.
    :raises OptionError: when it ships with segzoo.
    """
    from segzoo import directory

    installed = announced()
    found = {plugin.distribution for plugin in installed if is_called(name, plugin.name, plugin.distribution)}
    known = {listing.distribution for listing in directory.known().providers(name)}
    found = found or known & {plugin.distribution for plugin in installed}
    if SHIPPED in found:
        raise OptionError(f"{name!r} ships with segzoo; SEGZOO_DISABLE_PLUGINS={name} goes without it")
    if len(found) > 1:
        raise AmbiguousNameError(f"{name!r} is a plugin of {' and of '.join(sorted(found))}; name the distribution")
    if not found:
        raise UnknownNameError(f"no installed plugin or distribution of one is called {name!r}; see `segzoo plugins`")
    return found.pop()
