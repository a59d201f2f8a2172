"""Samples as tensors, their chance, and what is said of those that can't be used."""

import random
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from arrays import Arrays, random_arrays
from torchvision import tv_tensors

from segzoo.data import Draw, Samples
from segzoo.data.samples import seeded
from segzoo.errors import DataError, DataWarning, OptionError
from segzoo.labels import IGNORE
from segzoo.preprocessing import Preprocessing

PLAIN = Preprocessing()
IMAGE, MASK = np.zeros((4, 6, 3), np.uint8), np.zeros((4, 6), np.int64)


def one(image: Any = IMAGE, mask: Any = MASK, channels: int = 3) -> Arrays:
    return Arrays({"a.png": image}, {"a.png": mask}, channels=channels)


def unchanged(image: Any, mask: Any) -> Any:
    return image, mask


def test_an_image_is_normalised_as_the_model_takes_it() -> None:
    data = random_arrays()
    image, _ = Samples(data, ["2.png"], PLAIN)[0]
    assert torch.equal(image, PLAIN(data.images["2.png"]))


def test_a_mask_stays_as_it_is() -> None:
    data = random_arrays()
    _, mask = Samples(data, ["2.png"], PLAIN)[0]
    assert mask.dtype == torch.int64
    assert np.array_equal(mask, data.masks["2.png"])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64, ">u2"])
@pytest.mark.parametrize("scaled", [True, False])
def test_a_transform_that_changes_nothing_changes_nothing(dtype: Any, scaled: bool) -> None:
    data = random_arrays(1, dtype=dtype, channels=5)
    preprocessing = Preprocessing((0.2,) * 5, (0.3,) * 5, scaled=scaled)
    without, _ = Samples(data, ["0.png"], preprocessing)[0]
    with_one, _ = Samples(data, ["0.png"], preprocessing, unchanged)[0]
    torch.testing.assert_close(with_one, without, rtol=1e-6, atol=1e-6)


def test_a_transform_gets_8_bits_as_they_are_and_floats_of_all_else() -> None:
    kinds = []

    def look(image: Any, mask: Any) -> Any:
        kinds.append((type(image), image.dtype, type(mask), mask.dtype))
        return image, mask

    for dtype in (np.uint8, np.uint16):
        Samples(random_arrays(1, dtype=dtype), ["0.png"], PLAIN, look)[0]
    assert kinds == [(tv_tensors.Image, each, tv_tensors.Mask, torch.int64) for each in (torch.uint8, torch.float32)]


def test_16_bits_reach_a_transform_scaled() -> None:
    seen = []
    data = one(np.full((4, 6, 3), 65535, np.uint16))
    Samples(data, ["a.png"], PLAIN, lambda image, mask: (seen.append(float(image.max())), (image, mask))[1])[0]
    assert seen == [1.0]


def test_a_transform_may_return_arrays() -> None:
    data = random_arrays(1)
    image, mask = Samples(data, ["0.png"], PLAIN, lambda image, mask: (image.numpy(), mask.numpy().astype("i4")))[0]
    assert torch.equal(image, PLAIN(data.images["0.png"]))
    assert (type(mask), mask.dtype) == (torch.Tensor, torch.int64)


def test_a_transform_that_writes_into_its_input_spoils_no_dataset() -> None:
    def zero(image: Any, mask: Any) -> Any:
        return image.zero_(), mask.zero_()

    data = Arrays({"a": np.ones((4, 6, 1), np.uint8)}, {"a": np.ones((4, 6), np.int64)}, channels=1)
    Samples(data, ["a"], PLAIN.for_channels(1), zero)[0]
    assert data.images["a"].all()
    assert data.masks["a"].all()


def noisy(image: Any, mask: Any) -> Any:
    noise = torch.rand(()).item() + np.random.rand() + random.random()
    return image.float() / 255 + noise, mask


def test_a_draw_decides_all_chance() -> None:
    samples = Samples(random_arrays(), ["0.png"], PLAIN, noisy)
    first, again, other = (samples[Draw(0, seed)][0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_number_alone_leaves_chance_to_the_process() -> None:
    samples = Samples(random_arrays(), ["0.png"], PLAIN, noisy)
    assert not torch.equal(samples[0][0], samples[0][0])


def state() -> list[Any]:
    return [torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()]


def test_random_numbers_are_put_back() -> None:
    before = state()
    Samples(random_arrays(), ["0.png"], PLAIN, noisy)[Draw(0, 1)]
    assert state() == before


def test_random_numbers_are_put_back_after_an_error() -> None:
    before = state()
    samples = Samples(random_arrays(), ["0.png"], PLAIN, lambda *pair: [noisy(*pair), 1 / 0])
    with pytest.raises(ZeroDivisionError):
        samples[Draw(0, 1)]
    assert state() == before


def test_seeding_a_sample_leaves_the_gpus_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    with seeded(3):
        pass
    assert not seeds


BAD = {
    "cut off": (one(None), "a.png can't be read"),
    "sizes differ": (one(mask=MASK[:2]), "a.png: the image has 4x6 pixels and its mask 2x6"),
    "a value beyond the classes": (one(mask=MASK + 7), r"a.png: its mask has the values \[7\].* 3 classes, 0 to 2"),
    "a value below": (one(mask=MASK - 1), r"a.png: its mask has the values \[-1\]"),
    "other channels": (one(np.zeros((4, 6, 4), np.uint8)), r"a.png: expected an image .* 3 channels.*\(4, 6, 4\)"),
    "no pixels": (one(np.zeros((0, 6, 3), np.uint8), MASK[:0]), r"a.png: expected an image .*\(0, 6, 3\)"),
    "no numbers": (one(np.full((4, 6, 3), np.nan, np.float32)), "a.png: 72 of its values are infinite or no numbers"),
    "32 bits": (one(np.zeros((4, 6, 3), np.int32)), "a.png: its values are int32; expected integers of 8 or 16 bits"),
}


@pytest.mark.parametrize("transform", [None, unchanged])
@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_used_is_an_error_that_names_it(bad: str, transform: Any) -> None:
    data, message = BAD[bad]
    with pytest.raises(DataError, match=message):
        Samples(data, ["a.png"], PLAIN, transform)[0]


@pytest.mark.parametrize("bad", BAD)
def test_what_cannot_be_used_is_skipped_with_a_warning_where_asked(bad: str) -> None:
    data, message = BAD[bad]
    with pytest.warns(DataWarning, match=f"skipped: {message}"):
        _, mask = Samples(data, ["a.png"], PLAIN, broken="skip")[0]
    assert (mask == IGNORE).all()


def test_a_file_that_is_read_again_is_warned_of_once() -> None:
    samples = Samples(one(None), ["a.png"], PLAIN, broken="skip")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        samples[0], samples[0]
    assert len(caught) == 1


def test_ignored_pixels_are_no_error() -> None:
    _, mask = Samples(one(mask=MASK + IGNORE), ["a.png"], PLAIN)[0]
    assert (mask == IGNORE).all()


def test_digital_numbers_of_32_bits_are_taken_as_they_are() -> None:
    raw = Preprocessing((0, 0, 0), (1, 1, 1), scaled=False)
    image, _ = Samples(one(np.full((4, 6, 3), 70000, np.int32)), ["a.png"], raw)[0]
    assert (image == 70000).all()


def test_a_blank_is_known_as_one() -> None:
    samples = Samples(random_arrays(channels=5), [], PLAIN.for_channels(5))
    image, mask = samples[Draw(None)]
    assert samples.is_blank(image, mask)
    assert len(image) == 5


def test_a_black_image_is_no_blank() -> None:
    samples = Samples(one(np.zeros((32, 32, 3), np.uint8), np.full((32, 32), IGNORE)), ["a.png"], PLAIN)
    assert not samples.is_blank(*samples[0])


def test_a_blank_has_the_size_that_the_transform_gives() -> None:
    def enlarge(image: Any, mask: Any) -> Any:
        return image.repeat(1, 2, 2), mask.repeat(2, 2)

    image, mask = Samples(random_arrays(), [], PLAIN, enlarge)[Draw(None, 0)]
    assert (image.shape, mask.shape) == ((3, 64, 64), (64, 64))


def test_a_model_of_other_channels_is_refused_early() -> None:
    with pytest.raises(DataError, match=r"arrays have 5 channels and the model takes 3; .*in_channels=5"):
        Samples(random_arrays(channels=5), [], PLAIN)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (lambda image, mask: image, "(?s)expected the transform to return an image and a mask, got|returned an image"),
        (lambda image, mask: None, "expected the transform to return an image and a mask, got None"),
        (lambda image, mask: {"image": image, "mask": mask}, "expected the transform to return an image and a mask"),
        (lambda image, mask: (image[:, :2], mask), r"0.png: .*\(3, 2, 16\) and a mask of shape \(12, 16\)"),
        (lambda image, mask: (image.permute(1, 2, 0), mask), r"expected \(3, height, width\)"),
        (lambda image, mask: (image, mask.float()), "torch.float32; expected .*whole numbers"),
        (lambda image, mask: (image, mask * 0 + 255), r"a mask with the values \[255\]; expected classes from 0 to 2"),
    ],
)
@pytest.mark.parametrize("broken", ["raise", "skip"])
def test_a_transform_that_spoils_a_sample_is_refused(transform: Any, message: str, broken: Any) -> None:
    with pytest.raises(OptionError, match=message):
        Samples(random_arrays(), ["0.png"], PLAIN, transform, broken=broken)[0]
