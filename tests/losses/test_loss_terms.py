"""Each term against a second implementation, in value and gradient."""

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import segmentation_models_pytorch.losses as smp
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

import segzoo
from segzoo.losses import TERMS, bce, boundary, ce, dice, focal, lovasz, ohem, tversky

WEIGHTS = torch.tensor([1.0, 0.25, 3.0, 0.75], dtype=torch.float64)
TWO_WEIGHTS = torch.tensor([0.5, 2.0], dtype=torch.float64)
Compared = Callable[[Tensor, Tensor], Tensor]


def scene(classes: int = 4, ignored: bool = True, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Logits (2, K, 9, 7) and a target with every class."""
    target = torch.randint(0, max(2, classes), (2, 9, 7))
    if ignored:
        target[0, :2] = segzoo.IGNORE
        target[1, :, 3] = segzoo.IGNORE
    return 3 * torch.randn(2, classes, 9, 7, dtype=dtype), target


def assert_agree(ours: Compared, theirs: Compared, logits: Tensor, target: Tensor, atol: float = 1e-12) -> None:
    values, gradients = [], []
    for term in (ours, theirs):
        leaf = logits.clone().requires_grad_()
        value = term(leaf, target)
        value.backward()
        values.append(value.detach())
        gradients.append(leaf.grad)
    torch.testing.assert_close(values[0], values[1], rtol=1e-9, atol=atol)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-9, atol=atol)


def of_counted(loss: Callable[[Tensor, Tensor], Tensor]) -> Compared:
    """A loss of each class's logits and truth, (pixels, K), of the pixels that count."""

    def taken(logits: Tensor, target: Tensor) -> Tensor:
        kept = target != segzoo.IGNORE
        truth = target[kept][:, None] if logits.shape[1] == 1 else F.one_hot(target[kept], logits.shape[1])
        return loss(logits.movedim(1, -1)[kept], truth.to(logits))

    return taken


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_cross_entropy_is_that_of_torch(weights: Tensor | None, smoothing: float) -> None:
    ours = partial(ce, class_weights=weights, label_smoothing=smoothing)
    assert_agree(ours, torch.nn.CrossEntropyLoss(weights, label_smoothing=smoothing), *scene())


def test_cross_entropy_with_smoothing_is_that_of_smp() -> None:
    logits, target = scene(ignored=False)
    theirs = smp.SoftCrossEntropyLoss(smooth_factor=0.2, reduction="sum")
    assert_agree(partial(ce, label_smoothing=0.2), lambda *both: theirs(*both) / target.numel(), logits, target)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_of_one_class_is_binary(smoothing: float) -> None:
    assert_agree(partial(ce, label_smoothing=smoothing), partial(bce, label_smoothing=smoothing), *scene(1))


@pytest.mark.parametrize("classes", [1, 4])
def test_binary_cross_entropy_is_that_of_smp_over_what_counts(classes: int) -> None:
    theirs = smp.SoftBCEWithLogitsLoss(smooth_factor=0.1)
    assert_agree(partial(bce, label_smoothing=0.2), of_counted(theirs), *scene(classes))


def test_binary_cross_entropy_weighs_classes() -> None:
    theirs = torch.nn.BCEWithLogitsLoss(weight=WEIGHTS / WEIGHTS.mean())
    assert_agree(partial(bce, class_weights=WEIGHTS), of_counted(theirs), *scene())


@pytest.mark.parametrize("term", [ce, bce])
def test_weights_of_one_class_are_of_its_absence_and_presence(term: Callable[..., Tensor]) -> None:
    def theirs(logits: Tensor, truth: Tensor) -> Tensor:
        weights = TWO_WEIGHTS[truth.long()]
        return F.binary_cross_entropy_with_logits(logits, truth, weights, reduction="sum") / weights.sum()

    assert_agree(partial(term, class_weights=TWO_WEIGHTS), of_counted(theirs), *scene(1))


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("classes", [1, 4])
def test_focal_is_that_of_torchvision(classes: int, gamma: float) -> None:
    theirs = partial(sigmoid_focal_loss, alpha=-1, gamma=gamma, reduction="mean")
    assert_agree(partial(focal, gamma=gamma), of_counted(theirs), *scene(classes))


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_focal_is_that_of_smp(weights: Tensor | None) -> None:
    theirs = smp.FocalLoss("multiclass", ignore_index=segzoo.IGNORE, class_weights=weights)
    assert_agree(partial(focal, class_weights=weights), theirs, *scene())


def test_focal_has_a_gradient_where_a_pixel_is_known_for_sure() -> None:
    logits = torch.full((1, 1, 1, 1), 500.0, requires_grad=True)
    focal(logits, torch.ones(1, 1, 1, dtype=torch.long), gamma=0.5).backward()
    assert logits.grad is not None
    assert logits.grad.item() == 0


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_dice_is_that_of_smp(weights: Tensor | None) -> None:
    theirs = smp.DiceLoss("multiclass", ignore_index=segzoo.IGNORE, class_weights=weights)
    assert_agree(partial(dice, class_weights=weights), theirs, *scene())


def test_dice_of_one_class_is_that_of_smp() -> None:
    assert_agree(dice, smp.DiceLoss("binary", ignore_index=segzoo.IGNORE), *scene(1))


def test_dice_is_the_mean_over_classes_that_are_there() -> None:
    logits, target = scene()
    target[target == 2] = 3
    theirs = smp.DiceLoss("multiclass", ignore_index=segzoo.IGNORE)  # an absent class counts as a perfect one
    assert_agree(dice, lambda *both: theirs(*both) * 4 / 3, logits, target)


@pytest.mark.parametrize("classes", [1, 4])
def test_tversky_is_that_of_smp(classes: int) -> None:
    mode = "binary" if classes == 1 else "multiclass"
    theirs = smp.TverskyLoss(mode, ignore_index=segzoo.IGNORE, alpha=0.2, beta=0.6)
    assert_agree(partial(tversky, alpha=0.2, beta=0.6), theirs, *scene(classes))


def lovasz_of_smp(mode: str) -> Compared:
    loss = smp.LovaszLoss(mode, ignore_index=segzoo.IGNORE)
    return lambda logits, target: loss(logits.float(), target).double()  # it has no other precision


@pytest.mark.parametrize("classes", [1, 4])
def test_lovasz_is_that_of_smp(classes: int) -> None:
    mode = "binary" if classes == 1 else "multiclass"
    assert_agree(lovasz, lovasz_of_smp(mode), *scene(classes), atol=1e-5)


def test_lovasz_leaves_out_classes_that_are_not_there() -> None:
    logits, target = scene()
    target[target == 2] = 3
    assert_agree(lovasz, lovasz_of_smp("multiclass"), logits, target, atol=1e-5)


def test_lovasz_weighs_classes() -> None:
    logits, target = scene()

    def theirs(logits: Tensor, target: Tensor) -> Tensor:
        each = [
            lovasz(logits, target, class_weights=F.one_hot(torch.tensor(number), 4).double()) for number in range(4)
        ]
        return (torch.stack(each) * WEIGHTS).sum() / WEIGHTS.sum()

    assert_agree(partial(lovasz, class_weights=WEIGHTS), theirs, logits, target)


@pytest.mark.parametrize("threshold", [1e-9, 0.7, 0.999])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_ohem_is_the_mean_over_the_hardest_pixels(weights: Tensor | None, threshold: float) -> None:
    def slow(logits: Tensor, target: Tensor) -> Tensor:
        """One pixel after the other."""
        pixels = []
        for image, row, column in np.ndindex(*target.shape):
            truth = int(target[image, row, column])
            if truth != segzoo.IGNORE:
                own = logits[image, :, row, column].softmax(0)[truth]
                pixels.append((own, 1.0 if weights is None else float(weights[truth])))
        pixels.sort(key=lambda each: each[0].item())
        hard = [each for number, each in enumerate(pixels) if number < len(pixels) // 4 or each[0] < threshold]
        return sum(-own.log() * weight for own, weight in hard) / sum(weight for _, weight in hard)

    assert_agree(partial(ohem, class_weights=weights, threshold=threshold, kept=1 / 4), slow, *scene())


def test_ohem_that_keeps_all_is_cross_entropy() -> None:
    assert_agree(partial(ohem, kept=1.0), ce, *scene())


def test_ohem_of_one_class_is_that_of_its_absence_and_presence() -> None:
    logits, target = scene(1)
    assert_agree(ohem, lambda own, target: ohem(torch.cat([0 * own, own], 1), target), logits, target)


@pytest.mark.parametrize("classes", [1, 3])
def test_boundary_weighs_by_the_distance_to_the_nearest_pixel_of_the_other_side(classes: int) -> None:
    def distance(inside: np.ndarray, row: int, column: int) -> float:
        other = np.argwhere(inside != inside[row, column])
        if not len(other):
            return 0.0
        nearest = np.sqrt(((other - (row, column)) ** 2).sum(1)).min()
        return 1 - nearest if inside[row, column] else nearest

    def slow(logits: Tensor, target: Tensor) -> Tensor:
        guess = logits.sigmoid() if classes == 1 else logits.softmax(1)
        total, count = logits.sum() * 0, 0
        for image, row, column in np.ndindex(*target.shape):
            for channel in range(classes):
                if target[image, row, column] != segzoo.IGNORE:
                    inside = (target[image] == (1 if classes == 1 else channel)).numpy()
                    total = total + guess[image, channel, row, column] * distance(inside, row, column)
                    count += 1
        return total / count

    logits, target = scene(classes)
    target[1] = 1  # an image of one class has no boundary
    assert_agree(boundary, slow, logits, target)


def test_boundary_falls_as_the_shape_is_found() -> None:
    target = torch.zeros(1, 16, 16, dtype=torch.long)
    target[:, 4:12, 4:12] = 1
    right = 8.0 * (2 * target[:, None] - 1)
    assert boundary(right, target) < boundary(0 * right, target) < boundary(-right, target)


def test_boundary_without_scipy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.ndimage", None)
    with pytest.raises(segzoo.MissingExtraError, match=r'pip install "segzoo-torch\[train\]"'):
        boundary(*scene())


@pytest.mark.parametrize("classes", [1, 4])
@pytest.mark.parametrize("name", TERMS)
def test_nothing_to_count_gives_zero_and_a_gradient_of_zero(name: str, classes: int) -> None:
    logits = torch.randn(2, classes, 5, 6, requires_grad=True)
    value = TERMS[name](logits, torch.full((2, 5, 6), segzoo.IGNORE))
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize("classes", [1, 4])
@pytest.mark.parametrize("name", TERMS)
def test_ignored_pixels_do_not_count(name: str, classes: int) -> None:
    logits, target = scene(classes)
    other = torch.where((target == segzoo.IGNORE)[:, None], 100 * torch.randn_like(logits), logits)
    torch.testing.assert_close(TERMS[name](other, target), TERMS[name](logits, target))


@pytest.mark.parametrize("classes", [1, 4])
@pytest.mark.parametrize("name", TERMS)
def test_any_number_may_mark_ignored_pixels(name: str, classes: int) -> None:
    logits, target = scene(classes)
    marked = target.masked_fill(target == segzoo.IGNORE, 255)
    assert TERMS[name](logits, marked, ignore_index=255) == TERMS[name](logits, target)


@pytest.mark.parametrize("classes", [1, 4])
@pytest.mark.parametrize("name", TERMS)
def test_half_precision_is_computed_in_single(name: str, classes: int) -> None:
    logits, target = scene(classes, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        value = TERMS[name](logits, target)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, TERMS[name](logits.float(), target))


def test_sums_over_a_large_image_do_not_overflow_half_precision() -> None:
    logits = torch.zeros(1, 2, 512, 512, dtype=torch.float16)  # 131072 of each class; float16 ends at 65504
    assert dice(logits, torch.ones(1, 512, 512, dtype=torch.long)).item() == pytest.approx(1 - 2 / 3)


@pytest.mark.parametrize("name", [name for name in TERMS if name != "boundary"])  # an image has one boundary
@given(seed=st.integers(0, 10**6), classes=st.integers(1, 3))
def test_the_order_of_pixels_does_not_matter(name: str, seed: int, classes: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, classes, 4, 5, generator=generator, dtype=torch.float64)
    target = torch.randint(-1, max(2, classes), (1, 4, 5), generator=generator)
    order = torch.randperm(20, generator=generator)
    shuffled = logits.flatten(2)[..., order].view_as(logits), target.flatten(1)[..., order].view_as(target)
    value = TERMS[name](logits, target, ignore_index=-1)
    torch.testing.assert_close(TERMS[name](*shuffled, ignore_index=-1), value)
    assert value >= 0
