from itertools import pairwise

import pytest
import torch
from synthetic import synthetic
from torch.nn import functional as F

import segzoo
from segzoo_vitadapter.neck import ViTAdapter
from segzoo_vitadapter.spatial_prior import SpatialPrior

PLAIN = ("plain_vit", "patch_8", "patch_14", "patch_32", "convmixer", "deepest_alone", "one_block")


def adapted(encoder="plain_vit", decoder="fpn", **options):
    encoder = synthetic(encoder) if isinstance(encoder, str) else encoder
    return segzoo.create_model(encoder, decoder, classes=2, neck="vit_adapter", **options)


@pytest.mark.parametrize("pattern", PLAIN)
def test_each_stage_gets_its_nominal_stride(pattern):
    plan = segzoo.plan(synthetic(pattern), "fpn", neck="vit_adapter")
    assert plan.spec.select(plan.stages).strides == tuple(2**stage for stage in plan.stages)
    assert all(row.origin == "neck" for row in plan.rows if row.stage in plan.stages)


@pytest.mark.parametrize("size", [(1, 1), (79, 65), (96, 64)])
def test_sizes_are_the_image_s_rounded_up(size):
    levels = SpatialPrior(3)(torch.rand(1, 3, *size))
    assert [tuple(level.shape[-2:]) for level in levels] == [segzoo.grid_size(size, 2**stage) for stage in range(2, 6)]


def test_it_is_used_where_it_is_named_alone():
    assert segzoo.plan(synthetic("plain_vit"), "fpn").neck.id == "segzoo:simple_pyramid"


def test_a_pyramid_has_no_need_of_it():
    with pytest.raises(segzoo.NegotiationError, match="needs a plain transformer"):
        segzoo.plan(synthetic("resnet"), "fpn", neck="vit_adapter")


def test_a_stage_finer_than_stride_4_is_refused():
    with pytest.raises(segzoo.NegotiationError, match=r"the decoder takes stages \[1\] too"):
        ViTAdapter(segzoo.FeatureSpec((3, 32, 32), (1, 16, 16)), stages=(1, 2))


@pytest.mark.parametrize(("width", "heads"), [(384, 6), (768, 12), (1024, 16)])
def test_it_has_the_parameters_of_the_paper_s_layers(width, heads):
    """Layer by layer from sections 3.3 and 3.5 and the authors' configurations: 4 points, feed-forward of a quarter."""
    widths, hidden, points = (64, 128, 256, 256), width // 4, 4
    norm, batch_norm = 2 * width, lambda channels: 2 * channels
    stem = 9 * 3 * 64 + 2 * 9 * 64 * 64 + 3 * batch_norm(64)
    halvings = sum(9 * a * b + batch_norm(b) for a, b in pairwise(widths))
    projections = sum(channels * width + width for channels in widths)
    attention = 2 * (width**2 + width) + (width + 1) * heads * points * (2 + 1)
    feed = (width + 1) * hidden + 10 * hidden + (hidden + 1) * width
    extractors = (3 + 3) * (3 * norm + attention + feed)  # one for each of three maps, three for the last
    finest = 4 * width**2 + width
    expected = stem + halvings + projections + 3 * width + extractors + finest + 4 * norm
    offer = segzoo.FeatureSpec((3, 0, *[width] * 4), (1, 2, *[16] * 4))
    with torch.device("meta"):
        neck = ViTAdapter(offer, (2, 3, 4, 5))
    assert sum(parameter.numel() for parameter in neck.parameters()) == expected


def test_an_encoder_without_stride_4_needs_no_finest_level():
    model = adapted("one_block")
    model.train()(torch.rand(2, 3, 64, 64)).mean().backward()
    assert model.neck.finest is None
    assert all(parameter.grad is not None for parameter in model.neck.parameters())


def test_it_saves_and_loads(tmp_path):
    model = segzoo.create_model("test_vit", "fpn", classes=2, neck="vit_adapter").eval()
    model.save_pretrained(tmp_path / "model")
    image = torch.rand(1, 3, 79, 65)
    assert torch.equal(segzoo.from_pretrained(tmp_path / "model")(image), model(image))


@pytest.mark.slow
def test_with_a_frozen_transformer_that_sees_a_pixel_of_256_it_learns_what_the_image_has():
    """Squares of 8 pixels, bright or dark: the transformer's maps tell one of four."""
    model = adapted(decoder_options={"pyramid_width": 32, "width": 32, "dropout": 0.0}).train()
    model.freeze_encoder()
    optimizer = torch.optim.AdamW(model.parameter_groups(2e-3))
    generator = torch.Generator().manual_seed(0)

    def squares():
        bright = torch.randint(2, (2, 1, 8, 8), generator=generator).float()
        image = F.interpolate(bright, scale_factor=8)
        return image.expand(-1, 3, -1, -1) - 0.5, image[:, 0].long()

    for _ in range(40):
        image, target = squares()
        optimizer.zero_grad()
        F.cross_entropy(model(image), target).backward()
        optimizer.step()
    image, target = squares()
    assert (model(image).argmax(dim=1) == target).float().mean() > 0.9
