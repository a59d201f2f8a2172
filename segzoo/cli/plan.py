"""`segzoo plan`: how an encoder and a decoder would work together."""

from __future__ import annotations

import click

from segzoo.cli.parameters import IMAGE_SIZE, KEY_VALUE
from segzoo.cli.tables import json_option, print_json


@click.command(short_help="Show how ENCODER and DECODER work together.")
@click.argument("encoder")
@click.argument("decoder")
@click.option("--in-channels", type=int, default=3, show_default=True, help="Channels of the image.")
@click.option("--depth", type=int, help="The deepest stage; the encoder's own by default.")
@click.option("--size", type=IMAGE_SIZE, help="The image size to build the encoder for.")
@click.option("--neck", default="auto", show_default=True, help="auto, none, or a neck by name.")
@click.option("--classes", type=int, help="How many classes the model is to tell apart.")
@click.option("--strict-size", is_flag=True, help="Take no image that must be padded or resized.")
@click.option("--encoder-option", "encoder_options", type=KEY_VALUE, multiple=True, help="Can be repeated.")
@click.option("--decoder-option", "decoder_options", type=KEY_VALUE, multiple=True, help="Can be repeated.")
@json_option
def plan(
    encoder: str,
    decoder: str,
    in_channels: int,
    depth: int | None,
    size: tuple[int, int] | None,
    neck: str,
    classes: int | None,
    strict_size: bool,
    encoder_options: tuple[tuple[str, object], ...],
    decoder_options: tuple[tuple[str, object], ...],
    as_json: bool,
) -> None:
    """Show how ENCODER and DECODER work together, before any weight exists.

    The value of an option is read as JSON where it is JSON, as text otherwise: --decoder-option width=128.
    """
    from segzoo.host.pair_names import PairName

    PairName(encoder, decoder).check()
    import segzoo

    agreed = segzoo.plan(
        encoder,
        decoder,
        classes=classes,
        in_channels=in_channels,
        depth=depth,
        img_size=size,
        neck=None if neck == "none" else neck,
        encoder_options=dict(encoder_options),
        decoder_options=dict(decoder_options),
        strict_size=strict_size,
    )
    if as_json:
        print_json(agreed.to_dict())
    else:
        click.echo(str(agreed))
