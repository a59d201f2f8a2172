import pytest
import torch
from smp_parity import parameters
from synthetic import synthetic

import segzoo
from segzoo_unet3plus.decoder import UNet3PlusDecoder

PAPER = segzoo.FeatureSpec((64, 128, 256, 512, 1024), (1, 2, 4, 8, 16))


def test_with_the_paper_s_encoder_it_has_as_many_parameters_as_published():
    """26.97 M without deep supervision, table 1: the encoder's ten convolutions, the decoder, one class."""
    widths = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    widths += [(512, 1024), (1024, 1024)]
    encoder = sum(9 * below * width + 3 * width for below, width in widths)
    with torch.device("meta"):
        decoder = UNet3PlusDecoder(PAPER)
    head = 9 * decoder.out_channels + 1
    assert decoder.out_channels == 320
    assert round((encoder + parameters(decoder) + head) / 1e6, 2) == 26.97


def test_every_node_sees_every_scale():
    decoder = UNet3PlusDecoder(PAPER, width=8)
    assert [len(node.branches) for node in decoder.nodes] == [5] * 4


def test_finer_maps_are_pooled_by_the_ratio_of_their_strides():
    decoder = UNet3PlusDecoder(PAPER, width=8)
    assert [getattr(pool, "factor", 1) for pool in decoder.nodes[0].pools] == [8, 4, 2, 1]


def test_the_image_s_own_resolution_is_taken_on_request():
    stages = segzoo.plan(synthetic("vgg"), "unet3plus", decoder_options={"finest_stride": 1}).stages
    assert stages == (0, 1, 2, 3, 4, 5)


def test_one_scale_is_passed_through():
    model = segzoo.create_model(synthetic("few"), "unet3plus", classes=3, decoder_options={"finest_stride": 4})
    assert model(torch.rand(1, 3, 32, 32)).shape == (1, 3, 32, 32)


def test_an_encoder_without_a_stage_coarse_enough_is_refused():
    with pytest.raises(segzoo.NegotiationError, match=r"a stage of stride 8 or more.*\(1, 2, 4\)"):
        segzoo.plan(synthetic("few"), "unet3plus", decoder_options={"finest_stride": 8})
