import pytest
import torch
from synthetic import DRIVING, EVERY_DECODER, partner, small, synthetic
from torch import nn

import segzoo


def model_of(pattern="resnet", decoder="unet", **options):
    options = {"classes": 4} | options if "heads" not in options else options
    return segzoo.create_model(synthetic(pattern, in_channels=options.get("in_channels", 3)), decoder, **options)


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (97, 131)])
@pytest.mark.parametrize("pattern", ["resnet", "levit", "plain_vit"])
def test_logits_have_the_size_of_the_image(pattern, size):
    assert model_of(pattern).eval()(torch.rand(2, 3, *size)).shape == (2, 4, *size)


def test_an_image_is_padded_before_the_encoder_and_the_logits_are_cropped():
    seen = []
    encoder = synthetic("resnet", input_spec=segzoo.InputSpec(multiple=32))
    encoder.register_forward_pre_hook(lambda module, images: seen.append(images[0].shape[-2:]))
    model = segzoo.create_model(encoder, "unet", classes=4)
    seen.clear()
    assert model(torch.rand(1, 3, 97, 131)).shape[-2:] == (97, 131)
    assert seen == [(128, 160)]


def test_strict_size_names_the_multiple_and_the_nearest_sizes():
    encoder = synthetic("resnet", input_spec=segzoo.InputSpec(multiple=32))
    model = segzoo.create_model(encoder, "unet", classes=4, strict_size=True)
    assert model(torch.rand(1, 3, 96, 128)).shape[-2:] == (96, 128)
    with pytest.raises(segzoo.InputError, match="a multiple of 32 alone, got 97x131; nearest: 96x128 or 128x160"):
        model(torch.rand(1, 3, 97, 131))


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (torch.rand(3, 64, 64), r"got shape \(3, 64, 64\); image\[None\]"),
        (torch.rand(1, 4, 64, 64), r"expected 3 channels, got 4.*in_channels=4"),
        (torch.zeros(1, 3, 64, 64, dtype=torch.uint8), "floating-point image, got torch.uint8"),
        ("photo.png", "got str; model.preprocessing"),
    ],
)
def test_what_is_no_image_is_refused(image, told):
    with pytest.raises(segzoo.InputError, match=told):
        model_of()(image)


def test_a_size_too_small_for_the_encoder_is_refused():
    encoder = synthetic("resnet", input_spec=segzoo.InputSpec(minimum=75))
    with pytest.raises(segzoo.InputError, match="75x75 pixels or more, got 74x80"):
        segzoo.create_model(encoder, "unet", classes=4)(torch.rand(1, 3, 74, 80))


def test_one_head_gives_a_tensor_of_the_same_type_in_train_and_eval():
    model, image = model_of(), torch.rand(2, 3, 32, 32)
    assert isinstance(model.train()(image), torch.Tensor)
    assert isinstance(model.eval()(image), torch.Tensor)


def test_several_heads_give_a_dict_from_one_encoder_pass():
    model = model_of(heads={"mask": 19, "edge": 1})
    calls = []
    model.encoder.register_forward_hook(lambda *_: calls.append(1))
    logits = model(torch.rand(2, 3, 33, 47))
    assert {name: each.shape for name, each in logits.items()} == {"mask": (2, 19, 33, 47), "edge": (2, 1, 33, 47)}
    assert len(calls) == 1


def test_a_frozen_encoder_stays_so_in_train_mode():
    model = model_of()
    model.freeze_encoder()
    model.train()
    assert not model.encoder.training
    assert model.decoder.training
    model(torch.rand(2, 3, 32, 32)).mean().backward()
    assert all(parameter.grad is None for parameter in model.encoder.parameters())


def test_an_unfrozen_encoder_learns_again():
    model = model_of()
    model.freeze_encoder()
    model.unfreeze_encoder()
    model(torch.rand(2, 3, 32, 32)).mean().backward()
    assert model.encoder.training
    assert any(parameter.grad is not None for parameter in model.encoder.parameters())


def test_what_was_fixed_before_the_encoder_was_frozen_stays_so_afterwards():
    model = model_of()
    fixed = next(model.encoder.parameters()).requires_grad_(False)
    model.freeze_encoder()
    model.freeze_encoder()
    model.unfreeze_encoder()
    assert not fixed.requires_grad
    assert all(parameter.requires_grad for parameter in model.encoder.parameters() if parameter is not fixed)


@pytest.mark.parametrize("decoder", EVERY_DECODER)
def test_a_batch_of_one_trains(decoder):
    model = segzoo.create_model(partner(decoder), decoder, classes=4, decoder_options=small(decoder)).train()
    logits = model(torch.rand(1, 3, 64, 64))
    logits.mean().backward()
    assert logits.isfinite().all()


def test_one_image_whose_deepest_map_is_one_pixel_does_not_train_batch_norms():
    model = segzoo.create_model("test_resnet", "unet", classes=3).train()
    with pytest.raises(segzoo.InputError, match=r"batch norms.*32x32 pixels is; give two images or more, or a larger"):
        model(torch.rand(1, 3, 32, 32))
    for image in (torch.rand(2, 3, 32, 32), torch.rand(1, 3, 33, 32)):
        assert model(image).isfinite().all()


@pytest.mark.parametrize("frozen", [True, False])
def test_one_image_whose_deepest_map_is_one_pixel_serves_where_no_batch_norm_is_trained(frozen):
    model = segzoo.create_model("test_resnet" if frozen else "mit_b0", "unet", classes=3)
    if frozen:
        model.freeze_encoder()
    assert model.train()(torch.rand(1, 3, 32, 32)).isfinite().all()


@pytest.mark.parametrize("decoder", EVERY_DECODER)
def test_a_model_builds_on_the_meta_device(decoder):
    with torch.device("meta"):
        encoder = "test_vit" if decoder in DRIVING else "mit_b0"
        model = segzoo.create_model(encoder, decoder, classes=3, decoder_options=small(decoder))
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert model(torch.empty(2, 3, 97, 131, device="meta")).shape == (2, 3, 97, 131)


def test_the_config_makes_another_such_model():
    model = segzoo.create_model("mit_b0", "segformer", heads={"a": 2, "b": 3}, decoder_options={"width": 32}, depth=4)
    again = segzoo.create_model(**model.config)
    assert again.plan == model.plan
    assert [p.shape for p in again.parameters()] == [p.shape for p in model.parameters()]


class Classifying(segzoo.Decoder):
    """Classifies by itself."""

    finest_stride = 4
    emits = "logits"

    def __init__(self, stages, classes):
        super().__init__(stages, out_channels=classes)
        self.conv = nn.Conv2d(stages.channels[0], classes, 1)

    def forward(self, features):
        return self.conv(features[0])


class Querying(segzoo.Decoder):
    """Seven queries: their masks from the finest map, their classes learnt."""

    finest_stride = 4
    emits = "queries"

    def __init__(self, stages, classes):
        super().__init__(stages, out_channels=7)
        self.masks = nn.Conv2d(stages.channels[0], 7, 1)
        self.classes = nn.Parameter(torch.zeros(7, classes + 1))

    def forward(self, features):
        masks = self.masks(features[0])
        return masks, self.classes.expand(masks.shape[0], -1, -1)


@pytest.mark.parametrize("decoder", [Classifying, Querying])
def test_decoders_that_classify_by_themselves_give_logits_of_the_image(decoder):
    assert model_of(decoder=decoder)(torch.rand(2, 3, 33, 47)).shape == (2, 4, 33, 47)
    logits = model_of(decoder=decoder, heads={"a": 2, "b": 3})(torch.rand(2, 3, 33, 47))
    assert {name: each.shape[1] for name, each in logits.items()} == {"a": 2, "b": 3}


def test_queries_reduce_to_the_class_of_the_mask_that_covers_a_pixel():
    model = model_of(decoder=Querying)
    masks = torch.full((1, 2, 4, 4), -9.0)
    masks[:, 0, :, :2] = masks[:, 1, :, 2:] = 9.0
    classes = torch.full((1, 2, 5), -9.0)
    classes[0, 0, 3] = classes[0, 1, 1] = 9.0
    logits = model.head((masks, classes), (4, 4))
    assert (logits.argmax(1)[0, :, :2] == 3).all()
    assert (logits.argmax(1)[0, :, 2:] == 1).all()


def test_queries_of_a_single_class_are_read_by_a_sigmoid():
    model = model_of(decoder=Querying, classes=1)
    masks = torch.full((1, 2, 4, 4), -9.0)
    masks[:, 0, :, :2] = masks[:, 1, :, 2:] = 9.0
    classes = torch.tensor([[[9.0, -9.0], [-9.0, 9.0]]])
    logits = model.head((masks, classes), (4, 4))
    assert (logits[..., :2] > 0).all()
    assert (logits[..., 2:] < 0).all()


def test_the_model_moves_to_another_type():
    logits = model_of().double()(torch.rand(1, 3, 33, 47, dtype=torch.float64))
    assert logits.dtype == torch.float64


@pytest.mark.parametrize("pattern", ["resnet", "plain_vit"])  # the latter has a neck
def test_decoding_what_the_encoder_gave_is_the_forward(pattern):
    model = segzoo.create_model(synthetic(pattern), "fpn", classes=4).eval()
    image = torch.rand(1, 3, 64, 96)
    assert torch.equal(model.decode(model.encoder(image)), model(image))
