"""Many pairs under one budget. Optuna keeps the study, says which pair comes next, and which is stopped early."""

from __future__ import annotations

import json
import re
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from segzoo.benchmarking.conditions import Conditions
from segzoo.benchmarking.cost import Cost
from segzoo.benchmarking.measuring import measure
from segzoo.benchmarking.task import Task
from segzoo.comparison.results import Comparison, Row, State, ranked
from segzoo.data.dataset import VAL, Dataset
from segzoo.data.opening import find
from segzoo.data.splitting import split
from segzoo.errors import MissingExtraError, OptionError, SegzooError
from segzoo.host.pair_names import PairName
from segzoo.metrics import Scores
from segzoo.publishing.folder import replacing
from segzoo.training.folder import finished, read_history
from segzoo.training.run import MODEL, train
from segzoo.training.settings import FILE, Settings

STUDY, STORAGE, WINNER = "segzoo", "study.db", "winner"
BEAT, GRACE = 5, 20
"""Seconds between two signs of life of a pair in training, and without one until it counts as abandoned."""
RETRIES = 3
"""How often a pair whose process died is taken up again."""
FIRST_RUNG, FACTOR = 2, 2
"""Successive halving: the worse half is stopped after two validations, after four, after eight."""
UNKNOWN_SIZE = (512, 512)


def compare(
    data: str,
    pairs: Sequence[PairName],
    output: str | PathLike[str],
    *,
    settings: Mapping[str, Any] | None = None,
    storage: str | None = None,
    prune: bool = True,
    quiet: bool = False,
    dataset: Dataset | None = None,
) -> Comparison:
    """Train each pair under the same settings, stop those early that fall behind, and say which is best.

    A comparison that was stopped goes on where it was, when it is called again with the same output. Several machines
    share one, when they are given the same storage and an output on a disk that they share.

    :param data: the dataset's path.
    :param pairs: encoders and decoders by name.
    :param output: the folder for all runs, `comparison.json`, `comparison.png` and `winner/`.
    :param settings: of each run, as `Settings` has them, without encoder and decoder: `steps` or `minutes` are each
        pair's budget.
    :param storage: where Optuna keeps the study, such as `"postgresql://..."`; a file in the output if None.
    :param prune: whether pairs are stopped early.
    :param dataset: in place of what `data` names.
    :raises OptionError: for no pairs, or an output that holds another comparison.
    :raises DataError: for data that can't be used.
    :raises MissingExtraError: without Optuna.
    """
    optuna = _optuna()
    names = [str(pair) for pair in dict.fromkeys(pairs)]
    if not names:
        raise OptionError("expected a pair or more to compare, such as resnet18+unet")
    given = dict(settings or {})
    common = {pair: Settings.of(data=data, encoder=pair.encoder, decoder=pair.decoder, **given) for pair in pairs}
    if dataset is None:
        form, options = given.get("form"), given.get("data_options", {})
        dataset = find(data, form, **options).dataset
    first = common[pairs[0]]
    size = _size(dataset, split(dataset, first.validation, first.seed)[VAL])
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    url = storage or f"sqlite:///{(folder / STORAGE).resolve()}"

    def objective(trial: Any) -> float:
        name = trial.user_attrs.get("pair")
        if name is None:  # another machine took the last one that waited
            raise optuna.TrialPruned
        trial.suggest_categorical("pair", names)
        if not quiet:
            tqdm.write(f"pair {names.index(name) + 1} of {len(names)}: {name}")
        pair = PairName.parse(name)
        run = _folder(folder, name)
        try:
            miou = _train(optuna, trial, common[pair], run, dataset, quiet)
            trial.set_user_attr("cost", _cost(common[pair], dataset, size))
        except optuna.TrialPruned:
            trial.set_user_attr("cost", _cost(common[pair], dataset, size))
            raise
        except (SegzooError, RuntimeError) as error:
            trial.set_user_attr("reason", " ".join(str(error).split()))
            raise
        return miou

    with _calm(optuna):
        study = _study(optuna, url, names, {"data": data, **given}, prune)
        _work(optuna, study, objective, quiet)
    found = Comparison(tuple(ranked(_rows(study, names))), _winner(study, folder))
    found.save(folder)
    return found


def _work(optuna: Any, study: Any, objective: Any, quiet: bool) -> None:
    """Train what waits, here; then wait for what is trained elsewhere, and take up what was abandoned."""
    states = optuna.trial.TrialState
    said = quiet
    while True:
        optuna.storages.fail_stale_trials(study)
        if study.get_trials(deepcopy=False, states=(states.WAITING,)):
            study.optimize(objective, n_trials=1, catch=(SegzooError, RuntimeError))
        elif running := study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            if not said:
                said = True
                tqdm.write(f"waiting for {len(running)} pairs that others train, or that were abandoned")
            time.sleep(BEAT)
        else:
            return


def _train(optuna: Any, trial: Any, settings: Settings, run: Path, dataset: Dataset, quiet: bool) -> float:
    """Train one pair, and report each validation.

    :returns: the mIoU at the end.
    """
    if finished(run):  # and the process died before that was noted
        return float(read_history(run)[-1]["miou"])

    def report(step: int, scores: Scores) -> None:
        trial.report(scores.miou, len(read_history(run)))
        if trial.should_prune():
            raise optuna.TrialPruned

    again = (run / FILE).is_file()
    ended = train(settings, run, resume=again, quiet=quiet, pictures=False, dataset=dataset, on_validation=report)
    return ended.scores.miou


def _cost(settings: Settings, dataset: Dataset, size: tuple[int, int]) -> dict[str, Any] | None:
    """What the pair costs; None where that can't be measured, which says nothing against it."""
    options = {"classes": dataset.classes, "in_channels": dataset.channels, **settings.model_options}
    config = {"encoder": settings.encoder, "decoder": settings.decoder, **options}
    device = "cuda" if torch.cuda.is_available() and settings.accelerator != "cpu" else "cpu"
    conditions = Conditions(size, device=device, threads=torch.get_num_threads())
    cost = measure(Task(config, conditions=conditions)).cost
    return None if cost is None else cost.to_dict()


def _rows(study: Any, names: Sequence[str]) -> list[Row]:
    """The last word on each pair."""
    words: dict[str, State] = {"COMPLETE": "complete", "PRUNED": "stopped", "FAIL": "failed"}
    found = {name: Row(name, "waiting") for name in names}
    for trial in study.get_trials(deepcopy=False):
        name = trial.user_attrs.get("pair")
        if name in found:
            values, cost = trial.intermediate_values, trial.user_attrs.get("cost")
            found[name] = Row(
                name,
                words.get(trial.state.name, "waiting"),
                trial.value if trial.value is not None else values[max(values)] if values else None,
                max(values, default=0),
                None if cost is None else Cost(**cost),
                trial.user_attrs.get("reason", ""),
            )
    return list(found.values())


def _winner(study: Any, folder: Path) -> Path | None:
    """Copy the best pair's model, whole, and its settings beside it: they say which samples it was trained on."""
    complete = [row for row in ranked(_rows(study, study.user_attrs["pairs"])) if row.state == "complete"]
    if not complete:
        return None
    run = _folder(folder, complete[0].pair)
    with replacing(folder / WINNER) as new:
        shutil.copytree(run / MODEL, new, dirs_exist_ok=True)
    shutil.copy(run / FILE, folder / FILE)
    return folder / WINNER


def _folder(output: Path, pair: str) -> Path:
    """Where a pair's run is."""
    return output / "runs" / re.sub(r"[^\w.+-]+", "_", pair)


def _study(optuna: Any, url: str, names: list[str], settings: Mapping[str, Any], prune: bool) -> Any:
    """Make the study, or find it, with each pair waiting or done.

    :raises OptionError: when it is one of other pairs or settings, or can't be reached.
    """
    retry = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=RETRIES)
    try:
        storage = optuna.storages.RDBStorage(
            url, heartbeat_interval=BEAT, grace_period=GRACE, heartbeat_stale_trial_callback=retry
        )
        pruner = (
            optuna.pruners.SuccessiveHalvingPruner(min_resource=FIRST_RUNG, reduction_factor=FACTOR)
            if prune
            else optuna.pruners.NopPruner()
        )
        study = optuna.create_study(
            storage=storage, study_name=STUDY, direction="maximize", pruner=pruner, load_if_exists=True,
            sampler=optuna.samplers.RandomSampler(seed=0),
        )  # fmt: skip
    except Exception as error:  # whatever the database's driver raises
        raise OptionError(f"can't open the study in {url}: {type(error).__name__}: {error}") from error
    given = {"pairs": names, "settings": dict(settings)}
    for key, value in given.items():
        before = study.user_attrs.get(key)
        if before is not None and before != json.loads(json.dumps(value)):
            raise OptionError(f"{url} holds a comparison with other {key}: {before}, now {value}; give another output")
        study.set_user_attr(key, value)
    for name in names:
        if not any(trial.user_attrs.get("pair") == name for trial in study.get_trials(deepcopy=False)):
            study.enqueue_trial({"pair": name}, user_attrs={"pair": name})
    return study


def _size(dataset: Dataset, names: Sequence[str]) -> tuple[int, int]:
    return dataset.size(names[0]) or UNKNOWN_SIZE


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError(f'comparing needs Optuna ({error}): pip install "segzoo-torch[train]"') from error
    return optuna


@contextmanager
def _calm(optuna: Any) -> Iterator[None]:
    """Without Optuna's report of each trial, and its word that heartbeats are experimental."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
