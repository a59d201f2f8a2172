from dataclasses import replace

import pytest
import torch
from published import small_model
from torch import nn

import segzoo
from segzoo.publishing.behaviour import TOLERANCE, compare, measure, standard_image


def test_the_standard_image_is_the_same_forever() -> None:
    image = standard_image(small_model())
    assert image.shape == (1, 3, 96, 128)
    assert image[0, :, 0, :3].flatten().tolist() == pytest.approx(
        [each / 48 - 1 for each in (0, 3, 6, 31, 37, 43, 62, 71, 80)]
    )
    assert -1 <= image.min() < -0.9
    assert 0.9 < image.max() <= 1.03


def test_the_standard_image_is_of_a_size_that_the_encoder_takes() -> None:
    for encoder in ("test_resnet", "test_vit", "mit_b0"):
        model = small_model(encoder, strict_size=True)
        assert model.plan.input_spec.takes(standard_image(model).shape[-2:])
        measure(model)


def test_two_measurements_agree() -> None:
    model = small_model()
    assert measure(model) == measure(model)
    assert compare(measure(model), measure(model)) == []


def test_half_precision_is_measured_in_single() -> None:
    model = small_model().half()
    whole = small_model()
    whole.load_state_dict(model.state_dict())
    assert compare(measure(model), measure(whole)) == []


def test_each_head_is_measured() -> None:
    statistics = measure(small_model(heads={"mask": 3, "edge": 1}))
    assert {name: each.shape for name, each in statistics.items()} == {"mask": (1, 3, 96, 128), "edge": (1, 1, 96, 128)}


def test_a_model_in_train_mode_is_measured_in_eval_mode_and_stays_in_train_mode() -> None:
    model = small_model()
    expected = measure(model)
    model.train()
    assert measure(model) == expected
    assert model.training


def test_what_stays_within_the_tolerance_is_no_difference() -> None:
    then = measure(small_model())
    largest = then["logits"].largest
    assert largest is not None

    def shifted(by: float) -> dict[str, object]:
        return {"logits": replace(then["logits"], mean=(then["logits"].mean or 0) + by * largest)}

    assert compare(then, shifted(TOLERANCE / 2)) == []  # type: ignore[arg-type]
    assert [each.what for each in compare(then, shifted(TOLERANCE * 2))] == ["mean"]  # type: ignore[arg-type]


def test_another_shape_and_another_head_are_differences() -> None:
    three, four = measure(small_model()), measure(small_model(classes=4))
    (difference,) = compare(three, four)
    assert (difference.what, difference.then, difference.now) == ("shape", "[1, 3, 96, 128]", "[1, 4, 96, 128]")
    assert [each.head for each in compare(three, measure(small_model(heads={"mask": 3})))] == ["logits", "mask"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_are_recorded_and_compared(value: float, tmp_path) -> None:
    model = small_model()
    nn.init.constant_(model.head.classifiers["logits"].conv.bias, value)
    statistics = measure(model)
    assert statistics["logits"].mean is None
    assert compare(statistics, measure(model)) == []
    assert compare(statistics, measure(small_model()))
    model.save_pretrained(tmp_path)
    segzoo.from_pretrained(tmp_path, verify=True)


def test_an_option_outside_of_the_weights_is_noticed(tmp_path) -> None:
    model = small_model()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 0.5
    model.save_pretrained(tmp_path)
    with pytest.raises(segzoo.CheckpointError, match="versions that differ: none"):
        segzoo.from_pretrained(tmp_path, verify=True)


def test_measuring_draws_no_random_numbers() -> None:
    model = small_model()
    before = torch.get_rng_state()
    measure(model)
    assert torch.equal(torch.get_rng_state(), before)
