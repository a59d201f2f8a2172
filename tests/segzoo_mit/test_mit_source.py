import pytest
import torch

import segzoo
from segzoo_mit.source import MixTransformerSource


def create(name="mit_b0", pretrained=False, **request):
    with torch.device("meta"):
        return MixTransformerSource().create(name, segzoo.EncoderRequest(**request), pretrained)


def test_the_six_names_are_listed_and_resolved():
    source = MixTransformerSource()
    assert list(source.names()) == ["mit_b0", "mit_b1", "mit_b2", "mit_b3", "mit_b4", "mit_b5"]
    assert source.resolves("mit_b3")
    assert not source.resolves("mit_b6")


@pytest.mark.parametrize("in_channels", [1, 2, 3, 4, 16])
def test_the_image_may_have_other_channels(in_channels):
    encoder = create(in_channels=in_channels)
    assert encoder.spec.channels[0] == in_channels
    assert len(encoder.preprocessing.mean) == in_channels
    assert encoder(torch.empty(1, in_channels, 64, 64, device="meta"))[-1].shape == (1, 256, 2, 2)


def test_depth_is_honoured():
    assert create(depth=3).spec == segzoo.FeatureSpec((3, 0, 32, 64), (1, 2, 4, 8))


def test_drop_path_rate_is_an_option():
    encoder = create(options={"drop_path_rate": 0.3})
    assert encoder.stages[-1].blocks[-1].drop_path.drop_prob == pytest.approx(0.3)


def test_an_unknown_option_is_refused_with_the_known_ones():
    with pytest.raises(segzoo.OptionError, match=r"no option 'window' \(it has drop_path_rate\)"):
        create(options={"window": 7})


def test_an_image_size_needs_nothing():
    encoder = create(img_size=(97, 131))
    assert encoder.input_spec == segzoo.InputSpec()


@pytest.mark.parametrize("output_stride", [8, 16])
def test_dilation_is_refused(output_stride):
    with pytest.raises(segzoo.NegotiationError, match="dilated"):
        create(output_stride=output_stride)


def test_a_class_token_is_refused():
    with pytest.raises(segzoo.NegotiationError, match="no class token"):
        create(prefix="concat")
