"""Which processes a run is spread over: as torchrun, SLURM or Kubernetes started them, or as its settings say."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard

from segzoo.model import SegmentationModel
from segzoo.training.settings import Settings

KUBEFLOW = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def is_first() -> bool:
    """Whether this process is the one that prints and writes."""
    from lightning.fabric.utilities.rank_zero import rank_zero_only

    return not getattr(rank_zero_only, "rank", 0) and not int(os.environ.get("NODE_RANK", 0))


def processes(settings: Settings) -> dict[str, Any]:
    """What Lightning's trainer is told of devices and nodes.

    Whoever started the processes knows how many there are, so that a job script needs to say it once.
    """
    from lightning.pytorch.plugins.environments import KubeflowEnvironment, SLURMEnvironment, TorchElasticEnvironment

    devices: int | str = settings.devices
    nodes = settings.nodes
    plugins: list[Any] = []
    if TorchElasticEnvironment.detect():
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    elif SLURMEnvironment.detect():
        # Lightning's own requeueing would save a checkpoint in the midst of an interval.
        plugins.append(SLURMEnvironment(auto_requeue=False))
        nodes = int(os.environ.get("SLURM_NNODES", nodes))
        if (tasks := int(os.environ["SLURM_NTASKS"])) > 1:
            devices = tasks // nodes
    elif all(name in os.environ for name in KUBEFLOW) and "LOCAL_RANK" not in os.environ:
        plugins.append(KubeflowEnvironment())
        devices, nodes = 1, int(os.environ["WORLD_SIZE"])
    strategy: Any = settings.strategy
    if strategy == "fsdp":
        count = devices if isinstance(devices, int) else max(1, torch.cuda.device_count())
        strategy = _sharded(count * nodes)
    return {"devices": devices, "num_nodes": nodes, "strategy": strategy, "plugins": plugins}


def _sharded(world: int) -> Any:
    """FSDP as torch has it now, `fully_shard`, whose checkpoints are one file as all others are."""
    from lightning.pytorch.strategies import ModelParallelStrategy

    return ModelParallelStrategy(data_parallel_size=world, tensor_parallel_size=1, save_distributed_checkpoint=False)


def share_out(model: SegmentationModel, mesh: DeviceMesh) -> None:
    """Leave each process a share of the weights, from which a part is put together while it computes.

    An encoder whose last blocks the decoder drives computes while the decoder does, and is no part of its own.
    """
    encoder = None if model.plan.request.tokens else model.encoder
    for part in filter(None, (encoder, model.neck, model.decoder, model)):
        fully_shard(part, mesh=mesh)


def take_first_buffers(module: nn.Module) -> None:
    """Give all processes the first one's running statistics, which are those that are saved."""
    for buffer in filter(Tensor.is_floating_point, module.buffers()):
        torch.distributed.broadcast(whole := buffer.contiguous(), 0)
        buffer.copy_(whole)
