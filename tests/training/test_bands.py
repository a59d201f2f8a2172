"""A run on bands that are no photographs."""

from pathlib import Path

import numpy as np
from arrays import random_arrays
from small_runs import small_settings

from segzoo.data.dataset import Dataset
from segzoo.training.job import prepare


def bands(dtype: type, channels: int) -> Dataset:
    data = random_arrays(6, (32, 32), channels=channels)
    data.images = {name: (10 * image).astype(dtype) for name, image in data.images.items()}
    return data


def test_a_model_of_16_bit_bands_takes_them_as_they_are() -> None:
    job = prepare(small_settings(Path("bands"), crop=(32, 32)), dataset=bands(np.uint16, 12))
    image, _ = job.val[0]
    assert abs(image.mean()) < 0.2
    assert abs(image.std() - 1) < 0.2
    assert "12 channels, normalised by their own mean and deviation" in job.describe()


def test_a_model_of_8_bit_colours_keeps_its_own_preprocessing() -> None:
    job = prepare(small_settings(Path("colours"), crop=(32, 32)), dataset=bands(np.uint8, 3))
    assert job.model.preprocessing.scaled
