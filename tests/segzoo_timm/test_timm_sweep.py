"""Every architecture of timm, held to its spec; the smallest of each family also computes.

The sweep takes about an hour of one core: an eighth of it is slow, the rest exhaustive.
"""

import math
from collections import defaultdict

import pytest
import timm
import torch
from timm.models import list_modules, model_entrypoint

import segzoo
from segzoo_timm.source import TimmSource

SOURCE = TimmSource()
NAMES = timm.list_models()
CHUNKS = 64
ODD, USUAL = (97, 131), (224, 224)


def by_family():
    families = defaultdict(list)
    for name in NAMES:
        families[model_entrypoint(name).__module__.rpartition(".")[2]].append(name)
    return families


FAMILIES = by_family()


def mistakes(name):
    """Where the maps of an architecture, at several sizes on the meta device, are not what its spec says."""
    with torch.device("meta"), torch.no_grad():
        encoder = SOURCE.create(name, segzoo.EncoderRequest()).eval()
        spec, input_spec = encoder.spec, encoder.input_spec
        if input_spec.fixed:
            sizes = [ODD, input_spec.fixed]
        else:
            height, width = input_spec.padded(USUAL)
            step = math.lcm(*spec.strides, input_spec.multiple)
            sizes = [input_spec.padded(ODD), (height, width), (height, width + step)]
        lists = [encoder(torch.empty(1, 3, *size)) for size in sizes]
    for size, maps in zip(sizes, lists, strict=True):
        if [each.shape[1] for each in maps] != list(spec.channels):
            yield f"at {size}: channels {[each.shape[1] for each in maps]}, declared {spec.channels}"
    for stage, stride in enumerate(spec.strides):
        shapes = [maps[stage].shape[-2:] for maps in lists]
        if input_spec.fixed:
            if shapes[0] != spec.size(stage, ODD):
                yield f"stage {stage}: {shapes[0]}, declared {spec.size(stage, ODD)}"
            if abs(shapes[1][0] - sizes[1][0] / stride) > 1:
                yield f"stage {stage}: {shapes[1]} at {sizes[1]}, declared stride {stride}"
        else:
            if shapes[2][0] != shapes[1][0] or (shapes[2][1] - shapes[1][1]) * stride != step:
                yield f"stage {stage}: {shapes[1:]} at {sizes[1:]}, declared stride {stride}"
            if abs((shapes[1][0] - shapes[0][0]) - (sizes[1][0] - sizes[0][0]) / stride) > 1:
                yield f"stage {stage}: {shapes[:2]} at {sizes[:2]}, declared stride {stride}"


def test_every_family_is_swept():
    assert set(FAMILIES) == set(list_modules())


@pytest.mark.parametrize(
    "chunk",
    [pytest.param(each, marks=getattr(pytest.mark, "exhaustive" if each % 8 else "slow")) for each in range(CHUNKS)],
)
def test_every_spec_holds_at_any_size(chunk):
    found = {name: list(mistakes(name)) for name in NAMES[chunk::CHUNKS]}
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.exhaustive
@pytest.mark.parametrize("family", FAMILIES)
def test_the_smallest_of_a_family_computes_and_learns(family):
    def parameters(name):
        with torch.device("meta"):
            return sum(each.numel() for each in timm.create_model(name).parameters())

    torch.manual_seed(0)
    encoder = SOURCE.create(min(FAMILIES[family], key=parameters), segzoo.EncoderRequest())
    size = encoder.input_spec.padded(ODD)
    maps = encoder(torch.rand(2, 3, *size))
    assert [each.shape[1] for each in maps] == list(encoder.spec.channels)
    assert all(each.isfinite().all() and min(each.shape[-2:]) > 0 for each in maps)
    first = next(module for module in encoder.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear))
    sum(each.square().mean() for each in maps[1:] if each.numel()).backward()
    assert first.weight.grad.isfinite().all()
    assert first.weight.grad.abs().sum() > 0
    learning = {key: each for key, each in encoder.named_parameters() if each.requires_grad}
    assert [key for key, each in learning.items() if each.grad is None] == []
