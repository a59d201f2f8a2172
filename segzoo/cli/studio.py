"""`segzoo studio`: a page in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from segzoo.cli.parameters import device_option, threads_option


@click.command(short_help="Open a page to choose pairs and to try models.")
@click.argument("models", nargs=-1)
@click.option("--run", "runs", multiple=True, help="A folder of `segzoo train` to watch; can be repeated.")
@click.option("--host", help="To serve on: 0.0.0.0 lets other machines in.  [default: this machine alone]")
@click.option("--port", type=click.IntRange(1, 65535), help="The first free one from 7860 on by default.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open the page.")
@click.option(
    "--closed/--open",
    default=None,
    help="Whether visitors have MODELS and runs alone, and can't type others.  [default: closed on another host]",
)
@click.option("--max-upload", type=click.IntRange(min=1), default=64, show_default=True, help="MiB of a file.")
@click.option(
    "--max-pixels", type=click.FloatRange(min=0, min_open=True), default=50, show_default=True,
    help="Millions of an image.",
)  # fmt: skip
@click.option(
    "--max-waiting", type=click.IntRange(min=1), default=64, show_default=True, help="Visitors who wait for an answer."
)
@click.option("--tile", type=click.IntRange(min=32), default=1024, show_default=True, help="Side, in pixels.")
@device_option
@threads_option
@click.option(
    "--export-space", "space", metavar="FOLDER", type=click.Path(path_type=Path),
    help="Serve nothing; write a hosted demo of the one MODEL into a new folder.",
)  # fmt: skip
def studio(
    models: tuple[str, ...],
    runs: tuple[str, ...],
    host: str | None,
    port: int | None,
    browser: bool,
    closed: bool | None,
    max_upload: int,
    max_pixels: float,
    max_waiting: int,
    tile: int,
    device: str,
    threads: int | None,
    space: Path | None,
) -> None:
    r"""Open a page: choose a pair, try MODELS on your images, watch a run.

    \b
    segzoo studio runs/roads/model user/roads --run runs/streets
    segzoo studio --export-space roads-demo user/roads

    MODELS are folders, or ids on the hub. The page is served until Ctrl-C is pressed, and sends nothing elsewhere.
    """
    from segzoo.studio import Settings, export_space, launch

    if space is not None:
        if len(models) != 1:
            raise click.UsageError(f"--export-space writes a demo of one MODEL, got {len(models)}")
        click.echo(f"{export_space(space, models[0])} is what a Space of the hub needs; its README.md says how")
        return
    settings = Settings(
        models=models, runs=runs, host=host, port=port, browser=browser, closed=closed, max_upload=max_upload,
        max_pixels=max_pixels, max_waiting=max_waiting, tile=tile, device=device,
    )  # fmt: skip
    if threads:
        import torch

        torch.set_num_threads(threads)
    page = launch(settings, block=False)
    click.echo(f"the studio is at {page.local_url} until you press Ctrl-C", err=True)
    page.block_thread()
