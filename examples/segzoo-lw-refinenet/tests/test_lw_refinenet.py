import pytest
import segzoo
import segzoo.testing
import torch

from segzoo_lw_refinenet.decoder import ChainedPooling


class TestLightWeightRefineNetDecoder(segzoo.testing.DecoderConformance):
    """What segzoo relies on: one test per promise, with encoders of every kind."""

    subject = "lw-refinenet"


@pytest.mark.parametrize("encoder", ["resnet18", "mit_b0", "vit_tiny_patch16_224"])
def test_the_logits_have_the_size_of_the_image(encoder: str) -> None:
    with torch.device("meta"):
        model = segzoo.create_model(encoder, "lw-refinenet", classes=3)
        assert model(torch.rand(2, 3, 97, 131)).shape == (2, 3, 97, 131)


def test_each_link_of_a_chain_sees_two_pixels_further() -> None:
    chain = ChainedPooling(width=1, links=3)
    for convolution in chain.convolutions:
        torch.nn.init.ones_(convolution.weight)
    image = torch.zeros(1, 1, 1, 15)
    image[..., 7] = 1
    assert chain(image).flatten().tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 3, 3, 2, 2, 1, 1, 0]


def test_on_resnet_101_it_is_as_light_as_in_the_paper() -> None:
    with torch.device("meta"):
        model = segzoo.create_model("resnet101", "lw-refinenet", classes=21)
    assert round(sum(each.numel() for each in model.parameters()) / 1e6) == 46


@pytest.mark.parametrize("options", [{"width": 0}, {"links": 0}])
def test_options_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(segzoo.OptionError):
        segzoo.create_model("resnet18", "lw-refinenet", classes=3, decoder_options=options)
