"""A concept has one name in every command."""

from collections import defaultdict

import click

from segzoo.cli import main


def options(command: click.Command, context: click.Context) -> list[tuple[str, click.Option]]:
    """Each option with the path of its command."""
    found = [(context.command_path, param) for param in command.params if isinstance(param, click.Option)]
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            found += options(inner, click.Context(inner, parent=context, info_name=name))
    return found


EVERY = options(main, click.Context(main, info_name="segzoo"))


def kind(option: click.Option) -> str:
    return "flag" if option.is_flag else option.type.name.removesuffix(" range")


def test_what_commands_call_alike_has_one_flag() -> None:
    flags = defaultdict(set)
    for _, option in EVERY:
        flags[option.name].add("/".join((*option.opts, *option.secondary_opts)))
    assert {name: found for name, found in flags.items() if len(found) > 1} == {}


def test_a_flag_takes_the_same_kind_of_value_everywhere() -> None:
    kinds = defaultdict(set)
    for _, option in EVERY:
        kinds[option.opts[0]].add(kind(option).replace("path", "text"))
    assert {flag: found for flag, found in kinds.items() if len(found) > 1} == {}


def test_the_plural_of_a_flag_is_no_flag() -> None:
    flags = {option.opts[0] for _, option in EVERY} - {"--devices"}  # how many; --device is which
    assert {flag for flag in flags if f"{flag}s" in flags} == set()


def test_every_option_has_a_help_text() -> None:
    assert [f"{path} {option.opts[0]}" for path, option in EVERY if not option.help] == []
