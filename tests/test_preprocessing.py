from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import segzoo

PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def test_a_picture_is_scaled_and_normalised_channel_by_channel():
    preprocessing = segzoo.Preprocessing(mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3))
    expected = (torch.tensor(PICTURE).permute(2, 0, 1) / 255 - torch.tensor([0.5, 0.4, 0.3])[:, None, None]) / (
        torch.tensor([0.1, 0.2, 0.3])[:, None, None]
    )
    torch.testing.assert_close(preprocessing(PICTURE), expected)


@pytest.mark.parametrize("kind", [Image.fromarray, lambda a: a / 255.0, lambda a: a.astype(np.uint16) * 257])
def test_pictures_of_all_kinds_give_the_same_tensor(kind):
    preprocessing = segzoo.Preprocessing()
    torch.testing.assert_close(preprocessing(kind(PICTURE)), preprocessing(PICTURE))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 16])
def test_other_channel_counts_have_a_mean_each(channels):
    assert len(segzoo.Preprocessing().for_channels(channels).mean) == channels


def test_a_picture_of_other_channels_is_refused():
    with pytest.raises(segzoo.InputError, match="3 channels"):
        segzoo.Preprocessing()(PICTURE[..., :2])


BANDS = {"mean": (1353.7, 1117.2, 1041.9), "std": (245.7, 333.0, 395.1)}


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "float32"])
def test_statistics_in_digital_numbers_are_of_the_values_as_they_are(kind):
    tensor = segzoo.Preprocessing(**BANDS, scaled=False)(PICTURE.astype(kind))
    expected = (PICTURE - np.array(BANDS["mean"])) / np.array(BANDS["std"])
    torch.testing.assert_close(tensor, torch.tensor(expected.transpose(2, 0, 1), dtype=torch.float32))


def test_other_channel_counts_keep_to_digital_numbers():
    assert not segzoo.Preprocessing(**BANDS, scaled=False).for_channels(4).scaled


def test_statistics_in_digital_numbers_are_refused_for_values_from_0_to_1():
    with pytest.raises(segzoo.OptionError, match="scaled=False"):
        segzoo.Preprocessing(**BANDS)


@pytest.mark.parametrize(
    ("statistics", "told"),
    [
        ({"mean": 0.5}, "mean is a list of numbers"),
        ({"mean": (float("nan"),) * 3}, "mean is a list of numbers"),
        ({"mean": (0.5,)}, "each channel has a mean and a std"),
        ({"std": (0.1, 0.1, 0)}, "std above 0"),
        ({"mean": (), "std": ()}, "each channel has a mean and a std"),
    ],
)
def test_statistics_that_no_picture_has_are_refused(statistics, told):
    with pytest.raises(segzoo.OptionError, match=told):
        segzoo.Preprocessing(**statistics)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("photo.jpg", "got the path 'photo.jpg'; open it first: PIL.Image.open"),
        (Path("photo.jpg"), "open it first"),
        (None, "expected a picture"),
        (torch.zeros(4, 4, 3, requires_grad=True), "expected a picture"),
        (PICTURE.astype("int64"), "integers of 8 or 16 bits, got int64"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_picture_is_refused(given, told):
    with pytest.raises(segzoo.InputError, match=told):
        segzoo.Preprocessing()(given)
