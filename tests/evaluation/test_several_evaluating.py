"""Two processes count together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from objects import CLASSES, THINGS, as_instances, as_panoptic, blobs
from torch import distributed, multiprocessing

from segzoo.evaluation import ObjectMetrics, PanopticMetrics

IMAGES = 3

pytestmark = pytest.mark.slow  # processes have to start


def scores(images: range) -> tuple[list[float], float]:
    segments, objects = PanopticMetrics(CLASSES, THINGS), ObjectMetrics(CLASSES)
    for seed in images:
        target = blobs(seed)
        segments.update(as_panoptic(blobs(seed).roll(1, 2)), target)
        objects.update(as_instances(blobs(seed).roll(1, 2), seed), target)
    return list(segments.compute().means().values()), objects.compute().ap


def joined(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        torch.save(scores(range(rank, IMAGES, 2)), folder / f"{rank}.pt")
    finally:
        distributed.destroy_process_group()


def test_scores_are_of_what_all_processes_saw(tmp_path: Path) -> None:
    multiprocessing.spawn(joined, (tmp_path,), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert first == second
    means, ap = scores(range(IMAGES))
    assert first[0] == pytest.approx(means)
    assert first[1] == pytest.approx(ap)
