"""How an encoder is shown: as a row of a table, or in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from segzoo.host.facts import EncoderFacts
    from segzoo.host.sources import EncoderFound


def row(facts: EncoderFacts) -> dict[str, str]:
    """The cells of a table."""
    strides = facts.native_strides
    return {
        "name": facts.name,
        "params": _millions(facts),
        "stride": "-" if not strides else " to ".join(str(each) for each in dict.fromkeys((strides[0], strides[-1]))),
        "image": _sizes(facts),
        "weights": ", ".join(each or "not stated" for each in facts.weights_licenses) or "-",
    }


def show(facts: EncoderFacts, found: EncoderFound) -> None:
    """Print all that is known of one."""
    from tabulate import tabulate

    click.echo(f"{facts.name}, from {found.provided.id} {found.provided.version}\n")
    stages = [
        (stage, stride, channels, _origin(facts, stage))
        for stage, (stride, channels) in enumerate(zip(facts.spec.strides, facts.spec.channels, strict=True))
    ]
    click.echo(tabulate(stages, headers=["stage", "stride", "channels", "from"]) + "\n")
    if facts.weights is None:
        weights = "not stated"
    else:
        weights = "\n".join(
            f"{each.tag} ({each.license or 'licence not stated'})" if each.tag else each.license
            for each in facts.weights
        )
    fields = {
        "family": facts.family,
        "parameters": _millions(facts),
        "image": facts.input_spec.describe(),
        "dilates to": ", ".join(map(str, facts.dilates_to)) or "no",
        "class token": _yes(facts.class_token),
        "drivable": f"{facts.spec.blocks} blocks" if facts.spec.blocks else "no",
        "code": facts.license or "licence not stated",
        "weights": weights or "none published",
    }
    click.echo(tabulate(fields.items(), tablefmt="plain", disable_numparse=True))


def _origin(facts: EncoderFacts, stage: int) -> str:
    if stage in facts.stages:
        return "native"
    return "placeholder" if facts.spec.is_placeholder(stage) else "image"


def _sizes(facts: EncoderFacts) -> str:
    sizes = facts.input_spec
    if sizes.fixed:
        return f"{sizes.fixed[0]}x{sizes.fixed[1]}"
    return f"x{sizes.multiple}" if sizes.multiple > 1 else "any"


def _millions(facts: EncoderFacts) -> str:
    return f"{facts.parameters / 1e6:#.4g}".rstrip(".") + " M"


def _yes(value: bool) -> str:
    return "yes" if value else "no"
