"""Runs that are killed, and runs of several processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from small_runs import same_weights, small_settings, weights, write_shapes

import segzoo
from segzoo.training import read_settings, train
from segzoo.training.settings import write_settings


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_shapes(tmp_path / "shapes")


def command(settings: Path, output: Path, *others: str) -> list[str]:
    return ["-m", "segzoo.cli", "train", str(settings), "--output", str(output), "--quiet", *others]


@pytest.mark.parametrize(
    ("kills", "steps"),
    [pytest.param(2, 100, marks=pytest.mark.slow), pytest.param(10, 400, marks=pytest.mark.exhaustive)],
)
def test_killed_at_some_moments_a_run_ends_as_if_it_had_not_been(
    kills: int, steps: int, data: Path, tmp_path: Path
) -> None:
    """Two worker processes read, as in a run of one's own; each kill leaves it a moment to begin."""
    file = tmp_path / "settings.yaml"
    write_settings(small_settings(data, steps=steps, validate_every=5, workers=1), file)
    train(read_settings(file), tmp_path / "whole", quiet=True, pictures=False)
    chance, output = random.Random(0), tmp_path / "run"
    checkpoint = output / "checkpoints" / "last.ckpt"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    torch_threads = ["--threads", str(torch.get_num_threads())]
    for _ in range(kills):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        child = subprocess.Popen(
            [sys.executable, *command(file, output, "--resume", *torch_threads)], env=environment,
            start_new_session=True, stderr=subprocess.PIPE,
        )  # fmt: skip
        while child.poll() is None and (checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0) == before:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 1))
        assert child.poll() is None, f"ended before it was killed: {child.stderr and child.stderr.read().decode()}"
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    train(read_settings(file), output, resume=True, quiet=True, pictures=False)
    assert same_weights(output, tmp_path / "whole")
    lines = (output / "metrics.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["step", *(str(step) for step in range(5, steps + 1, 5))]


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["auto", "fsdp"])
def test_two_processes_score_as_one_on_the_same_weights(strategy: str, data: Path, tmp_path: Path) -> None:
    """Five images for two processes, in batches of four: one process has a batch less to read."""
    file = tmp_path / "settings.yaml"
    write_settings(small_settings(data, steps=4, devices=2, strategy=strategy), file)
    subprocess.run([sys.executable, *command(file, tmp_path / "two")], check=True, timeout=300)
    scores = evaluate(tmp_path / "two" / "model", data)
    last = (tmp_path / "two" / "metrics.csv").read_text().splitlines()[-1].split(",")
    assert float(last[3]) == pytest.approx(scores.miou, abs=1e-6)
    assert float(last[4]) == pytest.approx(scores.accuracy, abs=1e-6)


@pytest.mark.slow
def test_shares_of_the_weights_train_and_go_on_as_whole_ones(data: Path, tmp_path: Path) -> None:
    """FSDP's sums are those of DDP in another order."""
    file = tmp_path / "settings.yaml"
    for name, strategy in (("whole", "ddp"), ("shares", "fsdp")):
        write_settings(small_settings(data, steps=2, devices=2, strategy=strategy), file)
        subprocess.run([sys.executable, *command(file, tmp_path / name)], check=True, timeout=300)
    whole, shares = weights(tmp_path / "whole"), weights(tmp_path / "shares")
    for name in whole:
        torch.testing.assert_close(shares[name], whole[name], rtol=1e-2, atol=5e-3)


@pytest.mark.slow
def test_torchrun_starts_a_run(data: Path, tmp_path: Path) -> None:
    """Its settings say one device: torchrun knows better."""
    file = tmp_path / "settings.yaml"
    write_settings(small_settings(data, steps=4), file)
    run = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ended = subprocess.run(
        [sys.executable, "-m", *run, *command(file, tmp_path / "run")], check=True, timeout=300, capture_output=True,
        text=True,
    )  # fmt: skip
    assert ended.stdout.count("mIoU") == 1
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()


def evaluate(model: Path, data: Path) -> segzoo.metrics.Scores:
    """In this process, image by image."""
    loaded, dataset = segzoo.from_pretrained(model), segzoo.data.open_dataset(data)
    confusion = torch.zeros(3, 3, dtype=torch.int64)
    for sample in map(dataset.read, dataset.splits()["val"]):
        predicted = loaded.predict(loaded.preprocessing(sample.image))
        confusion += segzoo.metrics.confusion_matrix(predicted, torch.from_numpy(sample.mask), 3)
    return segzoo.metrics.Scores(confusion)
