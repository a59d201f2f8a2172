"""Mean and deviation of bands, beside numpy's."""

import numpy as np
import pytest
from arrays import Arrays, random_arrays

from segzoo.data import Samples, own_preprocessing
from segzoo.errors import DataError
from segzoo.labels import IGNORE


def bands(scale: float = 1000, dtype: type = np.uint16) -> Arrays:
    data = random_arrays(5, channels=4)
    data.images = {name: (scale * (1 + image / 50)).astype(dtype) for name, image in data.images.items()}
    return data


@pytest.mark.parametrize(("scale", "dtype"), [(1000, np.uint16), (-3, np.float32), (1e5, np.int32)])
def test_mean_and_deviation_are_those_of_numpy(scale: float, dtype: type) -> None:
    data = bands(scale, dtype)
    values = np.stack(list(data.images.values())).astype(np.float64)
    found = own_preprocessing(data, list(data.images))
    assert found is not None
    assert not found.scaled
    np.testing.assert_allclose(found.mean, values.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.std, values.std((0, 1, 2)), rtol=1e-5)


def test_samples_are_normalised_by_it() -> None:
    data = bands()
    preprocessing = own_preprocessing(data, list(data.images))
    assert preprocessing is not None
    images = np.stack([image.numpy() for image, _ in Samples(data, list(data.images), preprocessing)])
    np.testing.assert_allclose(images.mean((0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(images.std((0, 2, 3)), 1, atol=1e-4)


def test_pixels_without_a_class_do_not_count() -> None:
    data = bands()
    data.images["0.png"][:6] = 0
    data.masks["0.png"][:6] = IGNORE
    values = np.concatenate([data.images[name][data.masks[name] != IGNORE] for name in data.images])
    found = own_preprocessing(data, list(data.images))
    assert found is not None
    np.testing.assert_allclose(found.mean, values.mean(0))


def test_a_band_that_is_the_same_everywhere_is_only_shifted() -> None:
    data = bands()
    for image in data.images.values():
        image[..., 2] = 7
    found = own_preprocessing(data, list(data.images))
    assert found is not None
    assert (found.mean[2], found.std[2]) == (7, 1)


def test_8_bits_are_scaled_as_photographs_are() -> None:
    data = random_arrays(5, channels=4)
    assert own_preprocessing(data, list(data.images)) is None


def test_some_of_many_are_looked_at() -> None:
    data = bands()
    read = []

    class Counting(Arrays):
        def read(self, name: str):  # type: ignore[no-untyped-def]
            read.append(name)
            return data.read(f"{int(name) % 5}.png")

    own_preprocessing(Counting({}, {}, channels=4), [str(number) for number in range(1000)])
    assert 32 < len(read) <= 64
    assert max(map(int, read)) > 900


def test_a_broken_sample_is_named_or_left_out() -> None:
    data = bands()
    data.images["1.png"] = None
    with pytest.raises(DataError, match=r"1\.png can't be read"):
        own_preprocessing(data, list(data.images))
    assert own_preprocessing(data, list(data.images), broken="skip") is not None
