"""Files predicted by many processes, on one machine or on many: a pipeline of Ray Data.

A pool of workers holds the model. Each takes a file at a time, or some rows of tiles of a large one, and writes what it
made of it. A worker that dies is replaced, and what it had is done again: an output appears when it is whole, so that
none is lost, and none is there twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from segzoo.errors import DataError, InputError, MissingExtraError, OptionError
from segzoo.mapping.filing import predict_file
from segzoo.mapping.inputs import find_inputs
from segzoo.mapping.naming import all_of, name_outputs
from segzoo.mapping.parts import Part, join, parts_of, predict_part
from segzoo.mapping.polygons import check_polygons
from segzoo.mapping.predictor import Predictor
from segzoo.mapping.record import recorded
from segzoo.mapping.task import Outcome, Predicted, Task

RETRIES = 3
"""How often a part is given to another worker, if each dies of it."""


class Worker:
    """Holds a model, and predicts parts with it."""

    def __init__(self, make: Callable[[], Predictor], folder: Path, task: Task) -> None:
        self.predictor = make()
        self.folder = folder
        self.task = task

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Predict a part; what goes wrong is told in the answer."""
        part = Part(**row)
        files = name_outputs([part.input], self.folder, self.predictor.heads, self.task.wanted)[part.input]
        answer = {**row, "broken": "", "failed": "", "predicted": ""}
        try:
            if part.stop:
                predict_part(self.predictor, part, files, self.task)
            else:
                size, _, pixels = predict_file(self.predictor, part.input, files, self.task)
                answer["predicted"] = json.dumps([size, pixels])
        except (DataError, InputError) as error:
            answer["broken"] = str(error)
        except OptionError as error:
            answer["failed"] = str(error)
        return answer


def predict_on_ray(
    make: Callable[[], Predictor],
    predictor: Predictor,
    paths: Sequence[str],
    folder: Path,
    task: Task,
    *,
    settings: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    report: Callable[[str], None] | None = None,
    address: str | None = None,
    workers: int = 2,
    gpus: float = 0,
) -> Outcome:
    """What `predict_files` does, by many processes.

    :param make: makes what predicts, in each of them; `predictor` is the same in this one, which only asks it.
    :param folder: which all machines see under that name, as they see the images.
    :param address: of a cluster that runs; None starts one on this machine, or takes that of `RAY_ADDRESS`.
    :param workers: how many hold a model.
    :param gpus: that each needs.
    :raises OptionError: also where this machine has no GPU, and each worker needs one.
    :raises DataError: also when a part's worker dies each time that it is tried.
    :raises MissingExtraError: without Ray.
    """
    ray = _ray()
    if task.wanted.polygons:
        check_polygons()
    inputs = find_inputs(paths, folder)
    files = name_outputs(inputs, folder, predictor.heads, task.wanted)
    outcome = Outcome()
    with recorded(folder, {**(settings or {}), **task.settings}, overwrite, files, outcome) as missing:
        _start(ray, address, workers, gpus)
        parts = {each: list(parts_of(each, predictor, task)) for each in missing}
        waiting = {each.path: len(theirs) for each, theirs in parts.items()}
        known = {str(each.path.absolute()): each for each in missing}
        rows = [part._asdict() for theirs in parts.values() for part in theirs]
        answers = ray.data.from_items(rows, override_num_blocks=max(1, min(len(rows), 1000))).map(
            Worker,
            fn_constructor_args=(make, folder.resolve(), task),
            concurrency=workers,
            num_cpus=1,
            num_gpus=gpus,
            max_task_retries=RETRIES,
        )
        rows_done = _alive(ray, answers.iter_rows(), waiting) if rows else []
        for answer in tqdm(rows_done, "predicting", total=len(rows), unit="part", delay=2):
            each = known[answer["path"]]
            if answer["failed"]:
                raise OptionError(answer["failed"])
            if answer["broken"]:
                if report and str(each.path) not in outcome.broken:
                    report(answer["broken"])
                outcome.broken[str(each.path)] = answer["broken"]
                continue
            waiting[each.path] -= 1
            if not answer["stop"]:
                size, pixels = json.loads(answer["predicted"])
                outcome.done[str(each.path)] = Predicted(tuple(size), all_of(files[each]), pixels)
            elif not waiting[each.path]:
                outcome.done[str(each.path)] = join(predictor, each, parts[each], files[each], task)
    return outcome


def _alive(ray: Any, answers: Iterable[dict[str, Any]], waiting: Mapping[Path, int]) -> Iterator[dict[str, Any]]:
    """Answers, as long as there are workers who give them.

    :param waiting: how many answers of each file are still to come.
    :raises DataError: when a part is given up.
    """
    try:
        yield from answers
    except ray.exceptions.UserCodeException:  # a fault of the code, which its own traceback explains
        raise
    except (ray.exceptions.RayError, ray.data.exceptions.SystemException) as error:
        left = [str(path) for path, parts in waiting.items() if parts]
        raise DataError(
            f"a worker died {RETRIES + 1} times of the same part, most likely since memory was full; it is of one of "
            f"{len(left)} files that are left, {', '.join(left[:3])}{' ...' if len(left) > 3 else ''}. What is done "
            "stays: give smaller tiles or fewer workers, or leave that file out, and start again"
        ) from error


def _start(ray: Any, address: str | None, workers: int, gpus: float) -> None:
    ray.data.DataContext.get_current().enable_progress_bars = False
    local = not address and not os.environ.get("RAY_ADDRESS")
    if not ray.is_initialized():
        cores = {"num_cpus": max(os.cpu_count() or 1, workers + 1)} if local else {}
        try:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level="warning", **cores)
        except Exception as error:  # of whatever kind: no cluster there, no room, a machine too busy to answer
            where = "started on this machine" if local else f"reached at {address or os.environ['RAY_ADDRESS']}"
            raise OptionError(f"Ray can't be {where}: {error}; see `ray status`, or take --engine local") from error
    if local and gpus and not ray.cluster_resources().get("GPU"):
        raise OptionError("there is no GPU on this machine, for which workers would wait; take --device cpu")


def _ray() -> Any:
    try:
        import ray
        import ray.data.exceptions
        import ray.exceptions
    except ImportError as error:
        raise MissingExtraError(f'--engine ray needs Ray Data ({error}): pip install "segzoo-torch[ray]"') from error
    return ray
