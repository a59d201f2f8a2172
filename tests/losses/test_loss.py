"""The loss object: terms by name, heads, and what is refused."""

from functools import partial

import pytest
import segmentation_models_pytorch.losses as smp
import torch
from torch import Tensor, nn

import segzoo
from segzoo.losses import Foreign, Loss, bce, ce, dice, focal


def scene(classes: int = 3) -> tuple[Tensor, Tensor]:
    target = torch.randint(0, max(2, classes), (2, 8, 6))
    target[0, :3] = segzoo.IGNORE
    return torch.randn(2, classes, 8, 6), target


def test_terms_are_summed_with_their_weights() -> None:
    both = scene()
    torch.testing.assert_close(Loss("ce + 0.5*dice")(*both), ce(*both) + 0.5 * dice(*both))


def test_text_and_mapping_mean_the_same() -> None:
    both = scene()
    assert Loss("ce+.5*dice")(*both) == Loss({"ce": 1, "dice": 0.5})(*both)


def test_a_term_that_is_there_twice_counts_twice() -> None:
    assert Loss("ce+ce").parts(*scene()).keys() == {"ce"}
    assert "2*ce" in str(Loss("ce+ce"))


@pytest.mark.parametrize("classes", [1, 3])
def test_the_default_is_for_any_number_of_classes(classes: int) -> None:
    both = scene(classes)
    torch.testing.assert_close(Loss()(*both), ce(*both) + dice(*both))


def test_parts_are_the_weighted_terms_by_name() -> None:
    both = scene()
    parts = Loss("ce + 0.5*dice").parts(*both)
    assert list(parts) == ["ce", "dice"]
    torch.testing.assert_close(parts["dice"], 0.5 * dice(*both))


def test_a_callable_is_a_term() -> None:
    both = scene()
    loss = Loss({"ce": 1, partial(focal, gamma=3): 0.5, partial(focal, gamma=1): 2})
    assert list(loss.parts(*both)) == ["ce", "focal", "focal_3"]
    torch.testing.assert_close(loss(*both), ce(*both) + 0.5 * focal(*both, gamma=3) + 2 * focal(*both, gamma=1))


def test_a_callable_is_given_what_it_has_parameters_for() -> None:
    given = {}

    def term(logits: Tensor, target: Tensor, ignore_index: int = 0) -> Tensor:
        given["ignore_index"] = ignore_index
        return logits.sum()

    Loss({term: 1}, ignore_index=255, class_weights=[1, 2, 3])(torch.zeros(1, 3, 2, 2), torch.full((1, 2, 2), 255))
    assert given == {"ignore_index": 255}


def test_a_loss_of_smp_is_a_term() -> None:
    both = scene()
    theirs = smp.DiceLoss("multiclass", ignore_index=segzoo.IGNORE)
    torch.testing.assert_close(Loss({"ce": 1, theirs: 0.5})(*both), Loss("ce + 0.5*dice")(*both))


def test_a_module_as_a_term_moves_with_the_loss() -> None:
    loss = Loss({nn.CrossEntropyLoss(weight=torch.ones(3)): 1}).double()
    assert [each.dtype for each in loss.buffers()] == [torch.float64]


def test_class_weights_and_smoothing_reach_the_terms() -> None:
    both, weights = scene(), torch.tensor([1.0, 2.0, 0.5])
    loss = Loss("ce+dice", class_weights=[1, 2, 0.5], label_smoothing=0.1)
    expected = ce(*both, class_weights=weights, label_smoothing=0.1) + dice(*both, class_weights=weights)
    torch.testing.assert_close(loss(*both), expected)


def test_class_weights_follow_the_loss_and_are_not_saved() -> None:
    loss = Loss(class_weights=[1, 2, 3])
    assert [each.shape for each in loss.buffers()] == [(3,)]
    assert not loss.state_dict()


@pytest.mark.parametrize("terms", ["ce+dice", "bce+focal+lovasz", "ohem+tversky+boundary"])
def test_a_batch_without_a_pixel_that_counts_gives_zero(terms: str) -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    loss = Loss(terms, class_weights=[1, 2, 3])(logits, torch.full((2, 4, 4), segzoo.IGNORE), {4: logits})
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_auxiliary_heads_have_their_share() -> None:
    (logits, target), (other, _), (third, _) = scene(), scene(), scene()
    loss = Loss("ce", auxiliary_weight=0.3)
    parts = loss.parts(logits, target, {4: other, 5: third})
    torch.testing.assert_close(parts["auxiliary"], 0.3 * (ce(other, target) + ce(third, target)))
    torch.testing.assert_close(loss(logits, target, {4: other, 5: third}), parts["ce"] + parts["auxiliary"])


def test_each_coarser_scale_of_the_decoder_counts_half_of_the_one_before() -> None:
    (logits, target), (half, _), (quarter, _), (stage, _) = scene(), scene(), scene(), scene()
    parts = Loss("ce", auxiliary_weight=0.3).parts(logits, target, {4: stage, -1: half, -2: quarter})
    expected = 0.3 * ce(stage, target) + 0.5 * ce(half, target) + 0.25 * ce(quarter, target)
    torch.testing.assert_close(parts["auxiliary"], expected)


def test_it_takes_what_a_model_with_auxiliary_heads_returns() -> None:
    model = segzoo.create_model("resnet18", "fpn", classes=3, auxiliary=[4])
    logits, auxiliary = model(torch.rand(2, 3, 32, 32), auxiliary=True)
    Loss()(logits, torch.randint(0, 3, (2, 32, 32)), auxiliary).backward()
    assert all(each.grad is not None for each in model.auxiliary.parameters())


def test_heads_are_summed_and_their_parts_named() -> None:
    (mask, target), (edge, border) = scene(3), scene(1)
    logits, targets = {"mask": mask, "edge": edge}, {"mask": target, "edge": border}
    parts = Loss().parts(logits, targets)
    assert list(parts) == ["mask/ce", "mask/dice", "edge/ce", "edge/dice"]
    torch.testing.assert_close(Loss()(logits, targets), Loss()(mask, target) + Loss()(edge, border))


def test_a_head_has_terms_and_weights_of_its_own() -> None:
    (mask, target), (edge, border) = scene(3), scene(1)
    loss = Loss({"mask": "ce", "edge": {"bce": 2, "dice": 1}}, class_weights={"mask": [1, 2, 3]}, auxiliary_weight=0.5)
    parts = loss.parts({"mask": mask, "edge": edge}, {"mask": target, "edge": border}, {4: {"mask": mask}})
    assert list(parts) == ["mask/ce", "edge/bce", "edge/dice", "auxiliary"]
    torch.testing.assert_close(parts["mask/ce"], ce(mask, target, class_weights=torch.tensor([1.0, 2.0, 3.0])))
    torch.testing.assert_close(parts["edge/bce"], 2 * bce(edge, border))
    torch.testing.assert_close(parts["auxiliary"], 0.5 * parts["mask/ce"])


def test_heads_of_one_loss_may_have_weights_of_their_own() -> None:
    (mask, target), (edge, border) = scene(3), scene(1)
    loss = Loss("ce", class_weights={"edge": [1, 5]})
    parts = loss.parts({"mask": mask, "edge": edge}, {"mask": target, "edge": border})
    torch.testing.assert_close(parts["mask/ce"], ce(mask, target))
    torch.testing.assert_close(parts["edge/ce"], ce(edge, border, class_weights=torch.tensor([1.0, 5.0])))


def test_the_target_of_a_single_named_head_needs_no_name() -> None:
    logits, target = scene()
    assert Loss()({"mask": logits}, target) == Loss()(logits, target)


@pytest.mark.parametrize(
    ("terms", "says"),
    [
        ("ce+dise", "there is no term 'dise'; did you mean 'dice'"),
        ("hausdorff", "there are ce, bce, dice"),
        ("", "expected terms such as 'ce"),
        ("ce-dice", "expected terms such as 'ce"),
        ({}, "expected terms such as 'ce"),
        (["ce"], "expected terms such as 'ce"),
        ({"ce": -1}, "number from 0 on, got -1"),
        ({"ce": float("nan")}, "number from 0 on, got nan"),
        ({"ce": True}, "number from 0 on, got True"),
        ({nn.CrossEntropyLoss: 1}, "an instance, not a class"),
        ({3: 1}, "a term is a name or takes logits and target, got 3"),
        ({"mask": "ce", "edge": 1}, "expected terms such as 'ce"),
    ],
)
def test_terms_that_are_none_are_refused(terms: object, says: str) -> None:
    with pytest.raises(segzoo.OptionError, match=says):
        Loss(terms)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [
        {"label_smoothing": 1.0},
        {"label_smoothing": -0.1},
        {"auxiliary_weight": -1},
        {"auxiliary_weight": float("nan")},
        {"class_weights": [1, -1]},
        {"class_weights": [0, 0]},
        {"class_weights": [[1, 2]]},
        {"class_weights": [1, float("nan")]},
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(segzoo.OptionError):
        Loss(**options)  # type: ignore[arg-type]


def test_smoothing_without_a_term_that_smooths_is_refused() -> None:
    with pytest.raises(segzoo.OptionError, match="add 'ce' or 'bce'"):
        Loss("dice+lovasz", label_smoothing=0.1)


def test_weights_of_a_head_without_terms_are_refused() -> None:
    with pytest.raises(segzoo.OptionError, match="edge"):
        Loss({"mask": "ce"}, class_weights={"edge": [1, 2]})


@pytest.mark.parametrize(("classes", "needs"), [(1, 2), (3, 3)])
def test_another_number_of_class_weights_is_refused(classes: int, needs: int) -> None:
    with pytest.raises(segzoo.OptionError, match=f"expected {needs} class_weights"):
        Loss(class_weights=[1, 2, 3, 4])(*scene(classes))


@pytest.mark.parametrize(
    ("logits", "target"),
    [
        (torch.zeros(2, 3, 8), torch.zeros(2, 8, 8, dtype=torch.long)),
        (torch.zeros(2, 3, 8, 8, dtype=torch.long), torch.zeros(2, 8, 8, dtype=torch.long)),
        (torch.zeros(0, 3, 8, 8), torch.zeros(0, 8, 8, dtype=torch.long)),
        (torch.zeros(2, 3, 8, 8), torch.zeros(2, 4, 4, dtype=torch.long)),
        (torch.zeros(2, 3, 8, 8), torch.zeros(2, 1, 8, 8, dtype=torch.long)),
        (torch.zeros(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=torch.uint8)),
        (torch.zeros(2, 3, 8, 8), {"mask": torch.zeros(2, 8, 8, dtype=torch.long)}),
    ],
)
def test_other_shapes_and_types_are_refused(logits: Tensor, target: Tensor) -> None:
    with pytest.raises(segzoo.InputError):
        Loss()(logits, target)


def test_a_head_without_a_target_is_refused() -> None:
    logits, target = scene()
    with pytest.raises(segzoo.InputError, match=r"\['edge', 'mask'\], got \['mask'\]"):
        Loss()({"mask": logits, "edge": logits}, {"mask": target})


@pytest.mark.parametrize("named", [False, True])
def test_a_head_without_terms_is_refused(named: bool) -> None:
    logits, target = scene()
    with pytest.raises(segzoo.InputError, match="terms for the heads edge"):
        Loss({"edge": "ce"})({"mask": logits} if named else logits, target)


@pytest.mark.parametrize(("classes", "value"), [(3, 3), (3, -1), (3, 255), (1, 2)])
def test_a_target_beyond_the_classes_is_refused(classes: int, value: int) -> None:
    logits, target = scene(classes)
    target[1, 2, 3] = value
    with pytest.raises(segzoo.DataError, match=f"expected classes from 0 to {max(2, classes) - 1}"):
        Loss("dice")(logits, target)


def test_a_term_that_gives_no_single_number_is_refused() -> None:
    with pytest.raises(segzoo.OptionError, match="'CrossEntropyLoss' gives a tensor"):
        Loss({nn.CrossEntropyLoss(reduction="none"): 1})(*scene())


def squared(logits: Tensor, target: Tensor) -> Tensor:
    """A loss that doesn't know of ignored pixels."""
    return ((logits.softmax(1) - torch.zeros_like(logits).scatter(1, target, 1.0)) ** 2).sum()


def test_a_foreign_loss_gives_ignored_pixels_no_gradient() -> None:
    logits, target = scene()
    Loss({Foreign(squared): 1})(logits.requires_grad_(), target).backward()
    assert logits.grad is not None
    assert logits.grad.any(1).equal(target != segzoo.IGNORE)


def test_a_foreign_loss_is_as_it_was_where_all_pixels_count() -> None:
    logits, target = scene()[0], torch.randint(0, 3, (2, 8, 6))
    assert Loss({Foreign(squared): 1})(logits, target) == squared(logits, target[:, None])


@pytest.mark.parametrize("classes", [1, 3])
def test_a_foreign_loss_gives_zero_where_no_pixel_counts(classes: int) -> None:
    logits = torch.randn(2, classes, 8, 6, requires_grad=True)
    loss = Foreign(nn.MSELoss() if classes == 1 else squared)
    value = loss(logits, torch.full((2, 8, 6), segzoo.IGNORE))
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_a_foreign_loss_with_a_mask_is_told_which_pixels_count() -> None:
    def masked(input: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        return (squared(input * mask, target) * 0 + mask.sum()).sum()

    logits, target = scene()
    assert Foreign(masked)(logits, target) == (target != segzoo.IGNORE).sum()


def test_a_foreign_loss_without_a_channel_gets_the_target_as_it_is() -> None:
    logits, target = scene()[0], torch.randint(0, 3, (2, 8, 6))
    assert Foreign(nn.CrossEntropyLoss(), channel=False)(logits, target) == ce(logits, target)
