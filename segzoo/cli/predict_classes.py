"""`segzoo predict --task semantic`: the class of each pixel, of images of any size."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from segzoo.mapping import Predicted, Predictor

AS_IT_IS = {"half": False, "flips": False, "scales": (1.0,)}

Number = TypeVar("Number", int, float)


def predict_classes(
    model: str,
    paths: Sequence[str],
    output: Path,
    device: str,
    *,
    save: Any,
    overlay: bool | None,
    polygons: bool,
    bands: str | None,
    tile: int,
    margin: int | None,
    blend: int | None,
    batch_size: int,
    half: bool,
    flips: bool,
    scales: str,
    force: bool,
    engine: str,
    workers: int,
    address: str | None,
    threads: int | None,
) -> list[dict[str, Any]]:
    """What was found in each image, by class; of those that are broken, why."""
    from tqdm import tqdm

    from segzoo.mapping import Task, Wanted, predict_files, predict_on_ray
    from segzoo.prediction import Tiling

    if engine == "ray" and device not in ("cpu", "cuda"):
        raise click.UsageError(f"with --engine ray, --device is cpu, or cuda for a GPU to each worker, got {device!r}")

    looks: dict[str, Any] = {"half": half, "flips": flips, "scales": _numbers("--scales", scales, float)}
    wanted = Wanted(save, save == "classes" if overlay is None else overlay, polygons)
    chosen = None if bands is None else _numbers("--bands", bands, int)
    # Of Ray, the workers compute: this process only asks what the model tells apart.
    predictor = make_predictor(model, ["cpu"] if engine == "ray" else device.split(","), looks, threads)
    task = Task(wanted, Tiling(tile, margin, blend, predictor.grid), batch_size, chosen)
    common: dict[str, Any] = {
        "settings": {**_identity(model), **looks},
        "overwrite": force,
        "report": lambda text: tqdm.write(f"Error: {' '.join(text.split())}", file=sys.stderr),
    }
    if engine == "ray":
        where = str(Path(model).absolute()) if Path(model).exists() else model  # workers may run elsewhere
        make = partial(make_predictor, where, [device], looks, threads or 1)
        outcome = predict_on_ray(
            make, predictor, paths, output, task, **common, address=address, workers=workers, gpus=device == "cuda"
        )
    else:
        outcome = predict_files(predictor, paths, output, task, **common)
    return [
        *({"image": path} for path in outcome.kept),
        *(_row(path, each, predictor) for path, each in outcome.done.items()),
        *({"image": path, "error": reason} for path, reason in outcome.broken.items()),
    ]


def make_predictor(
    model: str, devices: Sequence[str], looks: Mapping[str, Any], threads: int | None = None
) -> Predictor:
    """A model from its folder or hub id, on devices, or an exported one in its own runtime.

    :param threads: that it may use.
    """
    import torch

    import segzoo
    from segzoo.mapping import Predictor

    if Path(model).suffix in segzoo.runtime.OPENERS:
        if list(devices) != ["cpu"] or looks != AS_IT_IS:
            raise click.UsageError(
                f"{model} computes as it was exported: --device, --half, --flips and --scales don't go"
            )
        return Predictor.exported(*segzoo.runtime.open_artefact(model, threads))
    if threads:
        torch.set_num_threads(threads)
    return Predictor.of(segzoo.from_pretrained(model), devices=devices, **looks)


def _row(path: str, predicted: Predicted, predictor: Predictor) -> dict[str, Any]:
    height, width = predicted.size
    found = [
        {"class": predictor.heads[head].labels.name(number), "area": area, **({"head": head} if head else {})}
        for head, pixels in predicted.pixels.items()
        for number, area in enumerate(pixels)
        if area
    ]
    return {"image": path, "height": height, "width": width, "found": found}


def _identity(model: str) -> dict[str, str]:
    """What tells models apart: the folder and when its weights were written, or the name on the hub."""
    folder = Path(model)
    if not folder.exists():
        return {"model": model}
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else [folder]
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return {"model": str(folder.resolve()), "weights": hashlib.sha256(repr(stats).encode()).hexdigest()[:16]}


def _numbers(option: str, text: str, kind: Callable[[str], Number]) -> tuple[Number, ...]:
    try:
        return tuple(kind(each) for each in text.split(","))
    except ValueError as error:
        example = "3,2,1" if kind is int else "0.75,1,1.25"
        raise click.UsageError(f"{option} takes numbers such as {example}, got {text!r}") from error
