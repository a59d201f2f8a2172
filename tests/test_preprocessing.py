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
