"""The smallest encoder of each family of timm, and Mix Transformer, with every decoder that is registered."""

import pytest
import torch
from timm.models import list_modules, model_entrypoint
from torch import nn

import segzoo
from segzoo.matrix.checking import check_encoder

SIZE = (97, 131)
FAMILIES = """
beitv2_base_patch16_224 halonet_h1 test_byobnet cait_xxs24_224 coat_tiny convit_tiny convmixer_768_32 test_convnext
cpubone_nano crossvit_tiny_240 csatv2 cs3darknet_focus_s cspnext_tiny davit_tiny deepseek_vit_412m
deit_tiny_patch16_224 densenet121 dla46x_c dpn48b edgenext_xx_small efficientformer_l1 efficientformerv2_s0
test_efficientnet efficientvim_m1 efficientvit_b0 efficientvit_m0 vit_tiny_patch16_dinov3_qkvb fasternet_t0
fastvit_t8 focalnet_tiny_srf gcvit_xxtiny gemma4_vit_167m_enc ghostnet_050 hardcorenas_b hgnetv2_b0 hiera_tiny_224
sam2_hiera_tiny hrnet_w18_small iformer_t inception_next_atto inception_resnet_v2 inception_v3 inception_v4
lcnetv2_small levit_128s lowformer_b0 test_mambaout test_coatnet poolformerv2_s12 gmlp_ti16_224 lcnet_035
mobilenetv5_base mobilevit_xxs mvitv2_tiny naflexvit_base_patch16_parfac_gap nasnetalarge nest_tiny_jx nextvit_small
test_nfnet pit_ti_224 pnasnet5large pvt_v2_b0 qwen3_vit_88m rdnet_tiny regnetx_002 repghostnet_050 repvit_m1
res2next50 resnest14d test_resnet resnetv2_18 rexnet_100 selecsls42 legacy_seresnet18 sequencer2d_s shvit_s1
skresnet18 starnet_s050 swiftformer_xs swin_tiny_patch4_window7_224 swinv2_tiny_window16_256 swinv2_cr_tiny_384
tiny_vit_5m_224 tnt_s_legacy_patch16_224 tresnet_m twins_svt_small vgg11 visformer_tiny test_vit
vit_tiny_r_s16_p8_224 test_vit_relpos samvit_base_patch16_224 vitamin_small_224 volo_d1_224 ese_vovnet19b_slim_dw
legacy_xception xception41p xcit_nano_12_p8_384 mit_b0
""".split()  # noqa: SIM905
PATTERN_SETTERS = ["unet", "fpn", "segformer"]


def test_all_of_timm_s_families_are_there():
    timms = [name for name in FAMILIES if not name.startswith("mit_")]
    assert {model_entrypoint(name).__module__.rpartition(".")[2] for name in timms} == set(list_modules())


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", FAMILIES)
def test_a_family_plans_and_answers_with_every_decoder_on_the_meta_device(encoder):
    _, pairs = check_encoder(encoder, segzoo.list_decoders(), SIZE)
    assert {pair.decoder: pair.reason for pair in pairs if pair.outcome != "pass"} == {}


class Once(nn.Module):
    """An encoder that runs once for each image, however many decoders take its maps."""

    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        self.spec, self.input_spec = encoder.spec, encoder.input_spec
        self.known = {}

    def forward(self, image):
        key = (image.device.type, tuple(image.shape))
        if key not in self.known:
            self.known[key] = self.encoder(image)
        return list(self.known[key])


def first_weight(encoder):
    """Of the first convolution or projection."""
    return next(module.weight for module in encoder.modules() if isinstance(module, nn.Conv2d | nn.Linear))


def assert_trains(encoder, decoders):
    torch.manual_seed(0)
    shared = Once(segzoo.create_model(encoder, "unet", classes=5).encoder.train())
    image = torch.rand(2, 3, *SIZE)
    for decoder in decoders:
        logits = segzoo.create_model(shared, decoder, classes=5).train()(image)
        assert logits.shape == (2, 5, *SIZE), decoder
        assert logits.isfinite().all(), decoder
        (gradient,) = torch.autograd.grad(logits.square().mean(), first_weight(shared), retain_graph=True)
        assert gradient.isfinite().all(), decoder
        assert gradient.abs().sum() > 0, decoder


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", FAMILIES)
def test_a_family_trains(encoder):
    assert_trains(encoder, PATTERN_SETTERS)


@pytest.mark.exhaustive
@pytest.mark.parametrize("encoder", FAMILIES)
def test_a_family_trains_with_every_decoder(encoder):
    assert_trains(encoder, segzoo.list_decoders())
