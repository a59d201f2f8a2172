"""`segzoo train`: from a folder of pictures to a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from segzoo.cli.parameters import IMAGE_SIZE, KEY_VALUE, data_option, form_option, threads_option
from segzoo.cli.tables import json_option, print_json, print_scores

SETTINGS_FILES = (".yaml", ".yml")


@click.command()
@click.argument("data")
@click.option("--encoder", help="By name; `segzoo encoders` lists them.")
@click.option("--decoder", help="By name; `segzoo decoders` lists them.")
@click.option("--output", required=True, help="The folder to leave model, pictures and numbers in.")
@click.option("--resume", is_flag=True, help="Go on with the run in that folder.")
@form_option
@data_option
@click.option(
    "--model-option", "model_options", type=KEY_VALUE, multiple=True, help="Of create_model; can be repeated."
)
@click.option("--pretrained/--no-pretrained", default=None, help="Start from published weights; if there are any.")
@click.option("--freeze-encoder", is_flag=True, default=None, help="Train the decoder alone.")
@click.option("--steps", type=click.IntRange(min=1), help="Of the optimiser.")
@click.option("--epochs", type=click.FloatRange(min=0, min_open=True), help="Passes over the images, for --steps.")
@click.option(
    "--minutes", type=click.FloatRange(min=0, min_open=True), help="At most: fewer steps if they take longer."
)
@click.option("--batch-size", type=click.IntRange(min=1), help="Images of a step, over all processes.  [default: 8]")
@click.option("--crop", type=IMAGE_SIZE, help="What is trained on; the images' own size up to 512 by default.")
@click.option("--learning-rate", type=float, help="Of the decoder, at its peak; the recipe's by default.")
@click.option("--loss", help="Such as 'ce + 0.5*dice'.  [default: ce+dice, or the decoder's own of masks]")
@click.option("--balanced", "class_weights", flag_value="balanced", help="Rare classes count more.")
@click.option("--no-augment", "augment", flag_value=False, type=bool, default=None, help="Images as they are.")
@click.option("--skip-broken", "broken", flag_value="skip", help="Leave out what can't be read, rather than stop.")
@click.option("--validation", type=float, help="The share, or number, to keep where DATA isn't split.  [default: 0.2]")
@click.option("--precision", help="32-true, bf16-mixed or 16-mixed.  [default: 32-true]")
@click.option("--workers", type=click.IntRange(min=0), help="Processes that read images.")
@click.option("--devices", type=click.IntRange(min=1), help="Processors or GPUs on each machine.  [default: 1]")
@click.option("--nodes", type=click.IntRange(min=1), help="Machines.  [default: 1]")
@click.option("--strategy", type=click.Choice(["auto", "ddp", "fsdp"]), help="How several devices work together.")
@click.option("--logger", "loggers", multiple=True, help="tensorboard, wandb, mlflow or comet; can be repeated.")
@click.option("--seed", type=click.IntRange(min=0), help="Of all that chance decides.  [default: 0]")
@click.option("--set", "others", type=KEY_VALUE, multiple=True, help="Any other setting, by its name in run.yaml.")
@threads_option
@click.option("--quiet", is_flag=True, help="No progress bar.")
@json_option
def train(
    data: str,
    output: str,
    resume: bool,
    data_options: tuple[tuple[str, Any], ...],
    model_options: tuple[tuple[str, Any], ...],
    loggers: tuple[str, ...],
    others: tuple[tuple[str, Any], ...],
    threads: int | None,
    quiet: bool,
    as_json: bool,
    **named: Any,
) -> None:
    r"""Train a pair on DATA, and save it.

    DATA is a dataset, most often a folder with images/ and masks/; or the run.yaml of another run, which is repeated,
    but for what is given here.

    \b
    segzoo train DATA --encoder resnet50 --decoder upernet --output runs/roads
    segzoo train runs/roads/run.yaml --seed 1 --output runs/roads-again

    What isn't given follows a recipe for the pair, which is printed. docs/settings.md has all settings.
    """
    from segzoo.host.pair_names import PairName

    if named["encoder"] and named["decoder"]:
        PairName(named["encoder"], named["decoder"]).check()
    import torch  # once the names are known to be right

    from segzoo.training import Settings, read_settings
    from segzoo.training import train as run
    from segzoo.training.processes import is_first

    if threads:
        torch.set_num_threads(threads)
    given: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    given |= {
        name: value
        for name, value in (
            ("data_options", dict(data_options)),
            ("model_options", dict(model_options)),
            ("loggers", list(loggers)),
        )
        if value
    }
    given |= dict(others)
    if Path(data).suffix in SETTINGS_FILES and Path(data).is_file():
        settings = Settings.of(**{**read_settings(data).model_dump(), **given})
    else:
        if missing := [f"--{name}" for name in ("encoder", "decoder") if name not in given]:
            raise click.UsageError(f"give {' and '.join(missing)}, or a run.yaml in place of DATA")
        settings = Settings.of(data=data, **given)
    ended = run(settings, output, resume=resume, quiet=quiet)
    if not is_first():
        return
    names = ended.model.labels["logits"].names
    if as_json:
        run_of = {"model": str(ended.folder), "steps": ended.steps, "seconds": round(ended.seconds, 1)}
        print_json({**run_of, **ended.scores.to_dict(names)})
        return
    print_scores(ended.scores, names)
    click.echo(f"the model is {ended.folder}; curve and pictures lie beside it", err=True)
