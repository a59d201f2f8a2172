"""The loss of decoders of queries: what it is, beside transformers', and what it makes of what is odd."""

import math

import pytest
import torch
from torch import Tensor
from transformers import Mask2FormerConfig
from transformers.models.mask2former.modeling_mask2former import Mask2FormerLoss
from transformers.models.maskformer.modeling_maskformer import MaskFormerHungarianMatcher, MaskFormerLoss

import segzoo
from segzoo.losses import MaskLoss, segments_of
from segzoo.losses.matching import by_class, hungarian
from segzoo.losses.places import Points, Truth

CLASSES, QUERIES = 4, 6
MASKFORMER = {"class_weight": 1.0, "terms": {"focal": 20.0, "dice": 1.0}, "points": None}


def predicted(layers: int = 0, batch: int = 2, size: tuple[int, int] = (8, 10)) -> segzoo.Queries:
    torch.manual_seed(0)

    def one() -> tuple[Tensor, Tensor]:
        masks = torch.randn(batch, QUERIES, *size, requires_grad=True)
        return masks, torch.randn(batch, QUERIES, CLASSES + 1, requires_grad=True)

    return segzoo.Queries(*one(), tuple(one() for _ in range(layers)))


def truth(batch: int = 2, size: tuple[int, int] = (32, 40)) -> list[segzoo.Segments]:
    torch.manual_seed(1)
    coarse = [torch.randint(CLASSES, (1, 1, 3, 4)).float() for _ in range(batch)]
    return [segments_of(torch.nn.functional.interpolate(each, size)[0, 0].long()) for each in coarse]


@pytest.fixture
def same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random places that depend on how many there are alone, for both sides."""

    def even(*shape: int, **options: object) -> Tensor:
        steps = torch.arange(1, math.prod(shape[1:]) + 1).view(1, *shape[1:]) * 0.6180339887
        return (steps % 1).expand(shape).clone()

    monkeypatch.setattr(torch, "rand", even)


def gradients(loss: Tensor, queries: segzoo.Queries) -> list[Tensor]:
    pairs = [queries[:2], *queries.earlier]
    return list(torch.autograd.grad(loss, [each for pair in pairs for each in pair]))


def weighted(losses: dict[str, Tensor], weights: dict[str, float]) -> Tensor:
    """The sum of transformers' losses, whose names end in the layer's number."""
    return sum(value * next(weights[name] for name in weights if key.startswith(name)) for key, value in losses.items())


def assert_equal(ours: list[Tensor], theirs: list[Tensor]) -> None:
    for our, their in zip(ours, theirs, strict=True):
        torch.testing.assert_close(our, their, atol=1e-4, rtol=1e-4)


def test_it_is_mask2former_s(same_places):
    config = Mask2FormerConfig(num_labels=CLASSES, train_num_points=200)
    weights = {"loss_cross_entropy": 2.0, "loss_mask": 5.0, "loss_dice": 5.0}
    queries, targets = predicted(layers=2), truth()
    theirs = Mask2FormerLoss(config, weights)(
        queries.masks,
        queries.classes,
        [each.masks.float() for each in targets],
        [each.labels for each in targets],
        [{"masks_queries_logits": masks, "class_queries_logits": classes} for masks, classes in queries.earlier],
    )
    expected = weighted(theirs, weights)
    loss = MaskLoss(points=200)(queries, targets)
    torch.testing.assert_close(loss, expected)
    assert_equal(gradients(loss, queries), gradients(expected, queries))


def test_it_is_maskformer_s():
    queries, targets = predicted(layers=2), truth()
    weights = {"loss_cross_entropy": 1.0, "loss_mask": 20.0, "loss_dice": 1.0}
    matcher = MaskFormerHungarianMatcher(cost_class=1.0, cost_dice=1.0, cost_mask=20.0)
    theirs = MaskFormerLoss(CLASSES, matcher, weights, eos_coef=0.1)(
        queries.masks,
        queries.classes,
        [each.masks.float() for each in targets],
        [each.labels for each in targets],
        [{"masks_queries_logits": masks, "class_queries_logits": classes} for masks, classes in queries.earlier],
    )
    expected = weighted(theirs, weights)
    loss = MaskLoss(**MASKFORMER)(queries, targets)
    torch.testing.assert_close(loss, expected)
    assert_equal(gradients(loss, queries), gradients(expected, queries))


def test_parts_are_the_weighted_terms():
    parts = MaskLoss(points=50).parts(predicted(), truth())
    assert set(parts) == {"class", "bce", "dice"}
    assert all(part.isfinite() and part > 0 for part in parts.values())


def test_a_perfect_prediction_costs_nothing():
    (target,) = truth(batch=1)
    count = len(target.labels)
    masks = torch.where(target.masks, 20.0, -20.0)[None]
    classes = torch.full((1, count, CLASSES + 1), -20.0)
    classes[0, torch.arange(count), target.labels] = 20.0
    loss = MaskLoss(**MASKFORMER)
    assert loss(segzoo.Queries(masks, classes), [target]) < 1e-3
    assert loss(segzoo.Queries(-masks, classes), [target]) > 1


@pytest.mark.parametrize("options", [{"points": 50}, MASKFORMER, {"matching": "fixed", "points": 50}])
def test_an_image_without_segments_teaches_that_there_is_nothing(options):
    queries = predicted(batch=1, layers=1)
    nothing = segments_of(torch.full((32, 40), segzoo.IGNORE))
    parts = MaskLoss(**options).parts(queries, [nothing])
    assert parts["class"] > 0
    assert parts["dice"] == 0
    assert all(each.isfinite().all() for each in gradients(sum(parts.values()), queries))


@pytest.mark.parametrize("options", [{"points": 50}, MASKFORMER])
def test_more_segments_than_queries_leave_some_without(options):
    mask = torch.arange(32 * 40).view(32, 40) // 128
    target = segments_of(torch.zeros_like(mask), mask + 1)
    assert len(target.labels) > QUERIES
    loss = MaskLoss(**options)(predicted(batch=1), [target])
    assert loss.isfinite()


@pytest.mark.parametrize("options", [{"points": 50}, MASKFORMER])
def test_a_segment_of_one_pixel_counts(options):
    mask = torch.zeros(32, 40, dtype=torch.long)
    mask[3, 5] = 1
    queries = predicted(batch=1)
    loss = MaskLoss(**options)(queries, [segments_of(mask)])
    assert all(each.isfinite().all() for each in gradients(loss, queries))


@pytest.mark.parametrize("options", [{"points": 300}, MASKFORMER])
def test_what_is_ignored_changes_no_mask(options):
    mask = torch.zeros(32, 40, dtype=torch.long)
    mask[:, 20:] = segzoo.IGNORE
    results = []
    for beyond in (5.0, -5.0):
        queries = predicted(batch=1)
        masks = queries.masks.detach().clone()
        masks[..., 6:] = beyond  # well within what is ignored
        torch.manual_seed(0)
        parts = MaskLoss(**options).parts(segzoo.Queries(masks, queries.classes), [segments_of(mask)])
        results.append(parts["dice"])
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("options", [{"points": 300}, MASKFORMER])
def test_a_padded_image_loses_what_the_same_one_with_an_ignored_border_does(options, same_places):
    (target,) = truth(batch=1, size=(32, 40))
    mask = torch.full((48, 48), segzoo.IGNORE)
    whole = torch.einsum("n,nhw->hw", target.labels, target.masks.long())
    mask[:32, :40] = whole
    queries = predicted(batch=1)
    loss = MaskLoss(**options)
    torch.testing.assert_close(loss(queries, [target], (48, 48)), loss(queries, [segments_of(mask)]))


def test_matching_is_not_led_by_numbers_that_are_none():
    queries, (target, _) = predicted(), truth()
    masks = queries.masks[0].detach().clone()
    masks[0] = math.nan
    pairs = hungarian(masks, queries.classes[0], Truth(target, (32, 40)), 2.0, {"bce": 5.0}, Points(50, 3, 0.75))
    assert len(pairs.queries) == len(target.labels)
    assert 0 not in pairs.queries or len(target.labels) == QUERIES


def test_segments_of_one_class_are_one_for_its_own_query():
    mask = torch.zeros(4, 6, dtype=torch.long)
    objects = torch.arange(6).expand(4, 6) // 2
    pairs, segments = by_class(segments_of(mask + 3, objects + 1))
    assert pairs.queries.tolist() == segments.labels.tolist() == [3]
    assert segments.masks.all()


def test_half_precision_is_summed_in_full():
    queries = predicted(batch=1)
    half = segzoo.Queries(queries.masks.half(), queries.classes.half())
    assert MaskLoss(points=50)(half, truth(1)).dtype == torch.float32


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"terms": {"iou": 1.0}}, "no term 'iou'"),
        ({"terms": {"bce": -1.0}}, "bce is a number from 0 on"),
        ({"class_weight": math.nan}, "class_weight"),
        ({"points": 0}, "points >= 1"),
        ({"important": 2.0}, "important from 0 to 1"),
        ({"matching": "greedy"}, "matching is"),
    ],
)
def test_an_option_that_cannot_be_is_named(options, named):
    with pytest.raises(segzoo.OptionError, match=named):
        MaskLoss(**options)


def test_targets_of_another_number_of_images_are_refused():
    with pytest.raises(segzoo.InputError, match="segments of 2 images"):
        MaskLoss()(predicted(), truth(1))


def test_a_mask_is_no_segment():
    with pytest.raises(segzoo.InputError, match="segments_of makes them"):
        MaskLoss()(predicted(), torch.zeros(2, 32, 40, dtype=torch.long))


def test_a_label_beyond_the_classes_is_named():
    with pytest.raises(segzoo.DataError, match=r"from 0 to 3, got \[9\]"):
        MaskLoss()(predicted(batch=1), [segments_of(torch.full((32, 40), 9))])


class TestSegments:
    def test_of_classes_are_one_for_each(self):
        found = segments_of(torch.tensor([[0, 0, 2], [0, 2, -100]]))
        assert found.labels.tolist() == [0, 2]
        assert found.masks.long().sum((1, 2)).tolist() == [3, 2]
        assert found.ignored.tolist() == [[False, False, False], [False, False, True]]

    def test_of_objects_are_one_for_each(self):
        found = segments_of(torch.tensor([[1, 1, 1, 0]]), torch.tensor([[1, 1, 2, 0]]))
        assert found.labels.tolist() == [0, 1, 1]
        assert found.masks[:, 0].long().tolist() == [[0, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 0]]

    def test_of_nothing_are_none(self):
        found = segments_of(torch.full((3, 4), segzoo.IGNORE))
        assert found.masks.shape == (0, 3, 4)
