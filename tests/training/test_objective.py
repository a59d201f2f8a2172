"""Model and batch to losses and scores."""

import pytest
import torch
from sklearn.metrics import confusion_matrix
from synthetic import synthetic
from torch.nn import functional as F

import segzoo
from segzoo import IGNORE
from segzoo.errors import TrainingError
from segzoo.losses import Loss
from segzoo.training.objective import Objective

SIZE = (2, 32, 32)


def model_of(**options):
    return segzoo.create_model(synthetic("mit"), "fpn", **options)


def batch_of(**classes):
    image = torch.rand(2, 3, 32, 32)
    masks = {head: torch.randint(count, SIZE) for head, count in classes.items()}
    return image, masks.get("logits", masks)


def test_the_loss_is_the_terms_of_the_logits():
    objective = Objective(model_of(classes=4).eval(), Loss("ce"))
    image, mask = batch_of(logits=4)
    expected = F.cross_entropy(objective.model(image), mask)
    assert objective.training_loss((image, mask))["loss"].item() == pytest.approx(expected.item())


def test_it_is_the_sum_of_its_parts():
    parts = Objective(model_of(classes=4, auxiliary=[4]), Loss("ce+dice")).training_loss(batch_of(logits=4))
    assert set(parts) == {"ce", "dice", "auxiliary", "loss"}
    assert parts.pop("loss").item() == pytest.approx(sum(part.item() for part in parts.values()))


def test_auxiliary_heads_learn_with_their_weight():
    objective = Objective(model_of(classes=4, auxiliary=[4]).eval(), Loss("ce", auxiliary_weight=0.25))
    image, mask = batch_of(logits=4)
    _, auxiliary = objective.model(image, auxiliary=True)
    expected = 0.25 * F.cross_entropy(auxiliary[4], mask)
    assert objective.training_loss((image, mask))["auxiliary"].item() == pytest.approx(expected.item())


def test_every_parameter_learns():
    objective = Objective(model_of(classes=4, auxiliary=[4]))
    objective(batch_of(logits=4)).backward()
    assert not [name for name, weight in objective.named_parameters() if weight.grad is None]


def test_a_wrapped_model_is_called_in_place_of_the_model():
    objective = Objective(model_of(classes=4, auxiliary=[4]))
    called = []

    class Wrapped(torch.nn.Module):
        def forward(self, image, **options):
            called.append(options)
            return objective.model(image, **options)

    batch = batch_of(logits=4)
    objective.training_loss(batch, model=Wrapped())
    objective.update(batch, model=Wrapped())
    assert called == [{"auxiliary": True}, {}]


def test_named_heads_have_losses_and_scores_of_their_own():
    objective = Objective(model_of(heads={"mask": 4, "edge": 2}), Loss("ce"))
    batch = batch_of(mask=4, edge=2)
    assert set(objective.training_loss(batch)) == {"mask/ce", "edge/ce", "loss"}
    objective.update(batch)
    assert {head: len(scores.confusion) for head, scores in objective.scores().items()} == {"mask": 4, "edge": 2}


def test_scores_are_those_of_all_pixels_that_count():
    objective = Objective(model_of(classes=4)).eval()
    guesses, truths = [], []
    for _ in range(2):
        image, mask = batch_of(logits=4)
        mask[:, :9] = IGNORE
        logits = objective.update((image, mask))
        assert not logits.requires_grad
        guesses.append(logits.argmax(1)[mask != IGNORE])
        truths.append(mask[mask != IGNORE])
    expected = confusion_matrix(torch.cat(truths), torch.cat(guesses), labels=range(4))
    assert objective.scores().confusion.tolist() == expected.tolist()


def test_after_a_reset_nothing_has_been_counted():
    objective = Objective(model_of(classes=4)).eval()
    objective.update(batch_of(logits=4))
    objective.reset()
    objective.update(batch_of(logits=4))
    assert objective.scores().pixels == 2 * 32 * 32


def test_a_single_class_is_told_from_its_absence():
    objective = Objective(model_of(classes=1))
    batch = batch_of(logits=2)
    assert objective.training_loss(batch)["loss"].isfinite()
    objective.update(batch)
    assert objective.scores().confusion.shape == (2, 2)


def test_a_batch_without_a_pixel_that_counts_gives_no_loss():
    image, mask = batch_of(logits=4)
    assert Objective(model_of(classes=4))((image, torch.full_like(mask, IGNORE))).item() == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_an_error_that_names_its_parts(value):
    image, mask = batch_of(logits=4)
    image[0, 0, 0, 0] = value
    with pytest.raises(TrainingError, match=r"the loss is nan \(ce nan, dice nan\)"):
        Objective(model_of(classes=4)).training_loss((image, mask))


def test_its_state_is_the_model_s():
    objective = Objective(model_of(classes=4), Loss("ce", class_weights=[1, 2, 3, 4]))
    assert set(objective.state_dict()) == {f"model.{name}" for name in objective.model.state_dict()}


def test_it_learns():
    objective = Objective(model_of(classes=2))
    image = torch.rand(4, 3, 32, 32)
    batch = image, torch.zeros(4, 32, 32, dtype=torch.long)
    optimizer = torch.optim.AdamW(objective.model.parameter_groups(1e-2, encoder_rate=1.0))
    first = objective(batch).item()
    for _ in range(10):
        optimizer.zero_grad()
        loss = objective(batch)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.8 * first
