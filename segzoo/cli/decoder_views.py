"""How a decoder is shown in full: what it takes of an encoder, its options, and an example to copy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from segzoo.contract import FeatureSpec, Selection
from segzoo.errors import SegzooError

OFFERS: Mapping[str, FeatureSpec] = {
    "resnet50": FeatureSpec((3, 64, 256, 512, 1024, 2048), (1, 2, 4, 8, 16, 32)),
    "vit_small_patch16_224": FeatureSpec((3, 0, 384, 384, 384, 384), (1, 2, 16, 16, 16, 16), blocks=12),
}
"""A pyramid and a plain transformer, as the encoders of these names offer them."""


def takes(decoder: type[Any], offer: FeatureSpec) -> dict[str, Any]:
    """What a decoder selects of an offer: `strides`, `roles`, `tokens` and `wishes`, or `refused` with the reason."""
    from segzoo.handshake.decoder_options import select_stages

    try:
        selection = select_stages(decoder, offer, {})
    except SegzooError as error:
        return {"refused": str(error)}
    return {
        "strides": [offer.strides[stage] for stage in selection.stages],
        "roles": list(selection.roles),
        "tokens": selection.tokens or 0,
        "wishes": list(_wishes(selection, offer)),
    }


def show(row: Mapping[str, Any]) -> None:
    """Print one: its descriptor's fields, and what `takes` and `describe_options` say."""
    for name in ("name", "from", "licence", "paper", "summary"):
        click.echo(_wrapped(str(row[name]) or "-", f"{name:8}"))
    if row["good_for"]:
        click.echo(_wrapped(row["good_for"], "good for "))
    click.echo("\nwhat it takes of")
    for encoder, taken in row["takes"].items():
        click.echo(_wrapped(_told(taken), f"  {encoder:22}"))
    options = row["options"]
    click.echo("\noptions, for decoder_options={...} and --decoder-option NAME=VALUE\n" if options else "\nno options")
    for option in options:
        default = f"; default {option['default']!r}" if "default" in option else ""
        click.echo(_wrapped(f"{option['name']}: {option['takes']}{default}", ""))
        click.echo(_wrapped(option["meaning"], "    "))
    command, code = example(row)
    click.echo(f"\nexample\n\n  {command}\n  {code}")


def example(row: Mapping[str, Any]) -> tuple[str, str]:
    """A command and a line of code that use it, with an encoder that it takes and the default of an option."""
    encoder = next((name for name, taken in row["takes"].items() if "refused" not in taken), next(iter(OFFERS)))
    given = next(((each["name"], each["default"]) for each in row["options"] if each.get("default") is not None), None)
    command, code = (
        f"segzoo plan {encoder} {row['name']}",
        f'segzoo.create_model("{encoder}", "{row["name"]}", classes=19',
    )
    if given:
        command += f" --decoder-option {given[0]}={json.dumps(given[1])}".replace('"', "")
        code += f", decoder_options={{{given[0]!r}: {given[1]!r}}}".replace("'", '"')
    return command, f"{code})"


def _wishes(selection: Selection, offer: FeatureSpec) -> Iterator[str]:
    """Those that the offer doesn't fulfil as it is."""
    strides = offer.select(offer.native).strides
    if selection.pyramid and len(set(strides)) < len(strides):
        yield "a pyramid"
    if selection.output_stride and selection.output_stride < strides[-1]:
        yield f"no stride above {selection.output_stride}"
    if selection.prefix:
        yield "the class token"
    if selection.tokens:
        yield f"to drive the last {selection.tokens} blocks"


def _told(taken: Mapping[str, Any]) -> str:
    if "refused" in taken:
        return f"refused: {taken['refused']}"
    strides: dict[str, list[str]] = {}
    for stride, role in zip(taken["strides"], taken["roles"], strict=True):
        strides.setdefault(role or "used", []).append(str(stride))
    told = ", ".join(f"{' '.join(each)} ({role})" for role, each in strides.items())
    wishes = f"; wishes: {' and '.join(taken['wishes'])}" if taken["wishes"] else ""
    return f"strides {told}{wishes}"


def _wrapped(text: str, label: str) -> str:
    return click.wrap_text(text, width=80, initial_indent=label, subsequent_indent=" " * len(label))
