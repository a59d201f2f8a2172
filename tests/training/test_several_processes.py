"""Two processes train one model, as DistributedDataParallel has them."""

import os
import warnings

import pytest
import torch
from synthetic import DENSE, DIFFERENT, small
from torch import distributed, multiprocessing
from torch.nn.parallel import DistributedDataParallel

import segzoo
from segzoo.training.objective import Objective
from segzoo.training.unused import freeze_unused

FOR_PLAIN_TRANSFORMERS = ("dpt", "eomt", "linear", "pmd", "segmenter", "setr_mla", "setr_pup")
PAIRS = [
    ("test_vit" if decoder in FOR_PLAIN_TRANSFORMERS else "resnet18", decoder) for decoder in segzoo.list_decoders()
]
OF_EACH_KIND = [
    *(pair for pair in PAIRS if pair[1] in DIFFERENT),
    ("hrnet_w18_small", "pspnet"),  # which takes the last of four branches
]
OTHERS = [pair for pair in PAIRS if pair not in OF_EACH_KIND]
SIZE = 64


def in_two_processes(work, folder, *arguments):
    multiprocessing.spawn(joined, (work, folder, arguments), nprocs=2)


def joined(rank, work, folder, arguments):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        work(rank, *arguments)
    finally:
        distributed.destroy_process_group()


def batch_of(rank, classes=3):
    generator = torch.Generator().manual_seed(rank)
    image = torch.rand(2, 3, SIZE, SIZE, generator=generator)
    return image, torch.randint(classes, (2, SIZE, SIZE), generator=generator)


def model_of(encoder, decoder, **options):
    torch.manual_seed(0)
    return segzoo.create_model(encoder, decoder, classes=3, **options)


def train_each(rank, pairs):
    """Two steps, as it is the second that raises where a parameter took no part in the first."""
    failures = []
    for encoder, decoder in pairs:
        auxiliary = [4] if decoder in DENSE else []
        model = model_of(encoder, decoder, auxiliary=auxiliary, decoder_options=small(decoder))
        freeze_unused(model)
        objective, parallel = Objective(model), DistributedDataParallel(model)
        optimizer = torch.optim.AdamW(model.parameter_groups(1e-3))
        try:
            for _ in range(2):
                optimizer.zero_grad()
                objective.training_loss(batch_of(rank), model=parallel)["loss"].backward()
                optimizer.step()
        except RuntimeError as error:
            failures.append(f"{encoder}, {decoder}: {error}")
            continue
        weights = torch.cat([weight.detach().flatten() for weight in model.parameters()])
        first = weights.clone()
        distributed.broadcast(first, src=0)
        if not torch.equal(weights, first):
            failures.append(f"{encoder}, {decoder}: the processes' weights differ")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param(OF_EACH_KIND, id="of each kind", marks=pytest.mark.slow),
        pytest.param(OTHERS, id="others", marks=pytest.mark.exhaustive),
    ],
)
def test_decoders_train_without_a_search_for_unused_parameters(pairs, tmp_path):
    in_two_processes(train_each, tmp_path, pairs)


def score_half(rank, path):
    objective = Objective(model_of("resnet18", "linear")).eval()
    objective.update(batch_of(rank))
    scores = objective.scores()
    if rank == 0:
        torch.save(scores.confusion, path)


@pytest.mark.slow
def test_scores_are_those_of_one_process_on_all_images(tmp_path):
    in_two_processes(score_half, tmp_path, tmp_path / "confusion.pt")
    alone = Objective(model_of("resnet18", "linear")).eval()
    for rank in range(2):
        alone.update(batch_of(rank))
    assert torch.equal(torch.load(tmp_path / "confusion.pt"), alone.scores().confusion)
