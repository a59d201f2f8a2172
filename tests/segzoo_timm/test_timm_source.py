import logging
import warnings

import pytest
import safetensors.torch
import timm
import torch

import segzoo
from segzoo_timm.source import TimmSource

SOURCE = TimmSource()
PYRAMIDS = ["resnet34", "convnext_atto", "swin_tiny_patch4_window7_224", "vgg11_bn", "efficientnet_b0", "levit_128"]
TRANSFORMERS = ["vit_tiny_patch16_224", "vit_small_patch14_dinov2"]
DIFFERENT_KINDS = [
    *("resnet18", "convnext_atto", "vit_tiny_patch16_224", "efficientnet_b0"),
    *(
        pytest.param(name, marks=pytest.mark.slow)
        for name in (
            "swin_tiny_patch4_window7_224",
            "eva02_tiny_patch14_224",
            "darknet17",
            "levit_128",
            "crossvit_tiny_240",
            "mambaout_femto",
            "xcit_nano_12_p16_224",
            "hrnet_w18_small",
        )
    ),
]
SIZES = [pytest.param((64, 64), marks=pytest.mark.slow), (97, 131), pytest.param((224, 320), marks=pytest.mark.slow)]
SMALL = "test_vit"  # a plain transformer of six blocks, 0.4 million parameters


def create(name, pretrained=False, **request):
    return SOURCE.create(name, segzoo.EncoderRequest(**request), pretrained)


def on_meta(name, **request):
    with torch.device("meta"):
        return create(name, **request)


def spec_of(name, **request):
    spec = on_meta(name, **request).spec
    return spec.channels, spec.strides


def run(encoder, size, channels=3):
    """The maps of an image of that size, padded as the encoder has it, on the meta device."""
    with torch.device("meta"), torch.no_grad():
        return encoder.eval()(torch.empty(2, channels, *encoder.input_spec.padded(size)))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Saves a timm model, once for each name and number of channels."""
    saved = {}

    def save(name, **options):
        key = (name, *options.items())
        if key not in saved:
            torch.manual_seed(0)
            path = tmp_path_factory.mktemp(name) / "weights.safetensors"
            safetensors.torch.save_model(timm.create_model(name, **options), str(path))
            saved[key] = path
        return saved[key]

    return save


def test_all_of_timm_is_listed():
    assert list(SOURCE.names()) == timm.list_models()


@pytest.mark.parametrize(
    "name", ["resnet50", "resnet50.a1_in1k", "hf-hub:timm/resnet18.a1_in1k", "local-dir:/models/a"]
)
def test_names_are_taken_as_timm_takes_them(name):
    assert SOURCE.resolves(name)


@pytest.mark.parametrize("name", ["resnet51", "resnet50.no_such_tag", "mit_b0", "timm/resnet18", "", "ftp:resnet50"])
def test_other_names_are_not(name):
    assert not SOURCE.resolves(name)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PYRAMIDS + TRANSFORMERS)
def test_maps_are_as_declared_at_any_size(name, size):
    encoder = on_meta(name, in_channels=2)
    padded = encoder.input_spec.padded(size)
    maps = run(encoder, size, channels=2)
    assert [each.shape[1] for each in maps] == list(encoder.spec.channels)
    for stage, each in enumerate(maps):
        expected = encoder.spec.size(stage, padded)
        assert all(0 <= most - side <= 1 for most, side in zip(expected, each.shape[-2:], strict=True))


@pytest.mark.parametrize(
    ("name", "strides"),
    [
        ("resnet34", (1, 2, 4, 8, 16, 32)),
        ("convnext_atto", (1, 2, 4, 8, 16, 32)),
        ("vit_tiny_patch16_224", (1, 2, 16, 16, 16, 16)),
        ("vit_small_patch14_dinov2", (1, 2, 14, 14, 14, 14)),
        ("levit_128", (1, 2, 4, 8, 16, 32, 64)),
        pytest.param("inception_v3", (1, 2, 4, 8, 16, 32), marks=pytest.mark.slow),
        ("volo_d1_224", (1, 2, 8, 16, 16, 16)),
    ],
)
def test_strides_are_measured(name, strides):
    assert spec_of(name)[1] == strides


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("tresnet_m", (3, 0, 64, 128, 1024, 2048)),
        pytest.param("csatv2", (3, 0, 0, 32, 72, 168, 386), marks=pytest.mark.slow),
    ],
)
def test_a_pyramid_whose_stem_has_its_first_stage_s_stride_gives_one_map_of_each_resolution(name, channels):
    spec = on_meta(name).spec
    assert spec == segzoo.FeatureSpec(channels, tuple(2**stage for stage in range(len(channels))))


@pytest.mark.parametrize("name", ["tresnet_m", pytest.param("csatv2", marks=pytest.mark.slow)])
def test_such_a_pyramid_needs_no_neck(name):
    assert segzoo.plan(name, "fpn").neck is None


def test_a_native_map_of_the_image_s_resolution_stands_in_entry_0():
    assert spec_of("vgg11_bn")[0] == (64, 128, 256, 512, 512, 512)


def test_a_plain_transformer_gives_evenly_spaced_blocks():
    assert on_meta("vit_tiny_patch16_224").indices == (2, 5, 8, 11)


@pytest.mark.parametrize(
    ("name", "multiple", "fixed"),
    [
        ("resnet34", 1, None),
        ("vit_small_patch14_dinov2", 14, None),
        ("swin_tiny_patch4_window7_224", 4, None),
        ("hrnet_w18_small", 32, None),
        ("levit_128", 1, (224, 224)),
    ],
)
def test_input_sizes_are_found(name, multiple, fixed):
    found = on_meta(name).input_spec
    assert (found.multiple, found.fixed) == (multiple, fixed)


@pytest.mark.parametrize("name", ["vgg11_bn", "inception_v3"])
def test_the_minimum_is_the_smallest_side_that_runs(name):
    encoder = on_meta(name)
    least = encoder.input_spec.minimum
    assert least > 1
    assert all(min(each.shape[-2:]) > 0 for each in run(encoder, (least, least)))
    with pytest.raises(RuntimeError):
        run(encoder, (least - 1, least - 1))


def test_an_encoder_of_one_size_gives_maps_on_the_grid_of_the_image():
    maps = create("levit_128").eval()(torch.rand(1, 3, 97, 131))
    assert [tuple(each.shape[-2:]) for each in maps[4:]] == [(7, 9), (4, 5), (2, 3)]


@pytest.mark.parametrize("name", DIFFERENT_KINDS)
def test_maps_equal_those_of_timm(name, files):
    weights = files(name)
    encoder = create(name, weights).eval()
    model = timm.create_model(name, checkpoint_path=str(weights)).eval()
    image = torch.rand(1, *model.pretrained_cfg["input_size"])
    with torch.no_grad():
        maps = encoder(image)
        expected = model.forward_intermediates(image, indices=list(encoder.indices), intermediates_only=True)
    assert all(torch.equal(maps[stage], each) for stage, each in zip(encoder.stages, expected, strict=True))


@pytest.mark.parametrize(
    "name",
    [
        *("resnet18", "efficientnet_b0", "hardcorenas_a", "test_vit", "levit_128"),
        pytest.param("vgg11_bn", marks=pytest.mark.slow),
    ],
)
def test_every_parameter_is_used(name):
    encoder = create(name)
    sum(each.square().mean() for each in encoder(torch.rand(2, 3, 64, 64))[1:] if each.numel()).backward()
    assert [
        key for key, parameter in encoder.named_parameters() if parameter.grad is None or not parameter.numel()
    ] == []


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_a_pyramid_ends_at_the_depth_asked_for(depth):
    whole, encoder = on_meta("resnet18"), on_meta("resnet18", depth=depth)
    assert encoder.spec == whole.spec.select(range(depth + 1))


def test_what_lies_deeper_is_not_kept():
    assert not [key for key, _ in on_meta("resnet18", depth=2).named_parameters() if "layer2" in key]


@pytest.mark.parametrize(
    ("depth", "indices", "strides"),
    [
        (1, (11,), (1, 16)),
        (2, (11,), (1, 2, 16)),
        (3, (5, 11), (1, 2, 16, 16)),
        (4, (3, 7, 11), (1, 2, 16, 16, 16)),
        (5, (2, 5, 8, 11), (1, 2, 16, 16, 16, 16)),
    ],
)
def test_a_plain_transformer_gives_fewer_blocks_at_less_depth(depth, indices, strides):
    encoder = on_meta("vit_tiny_patch16_224", depth=depth)
    assert (encoder.indices, encoder.spec.strides) == (indices, strides)


@pytest.mark.parametrize(("name", "depth", "possible"), [("resnet18", 6, "1 to 5"), ("levit_128", 3, "4 to 6")])
def test_a_depth_that_is_not_there_is_an_error_that_names_the_others(name, depth, possible):
    with pytest.raises(segzoo.OptionError, match=possible):
        on_meta(name, depth=depth)


@pytest.mark.parametrize(
    ("name", "stride", "strides"),
    [
        ("resnet18", 8, (1, 2, 4, 8, 8, 8)),
        ("resnet18", 16, (1, 2, 4, 8, 16, 16)),
        ("convnext_atto", 8, (1, 2, 4, 8, 8, 8)),
        ("vit_tiny_patch16_224", 16, (1, 2, 16, 16, 16, 16)),
        pytest.param("mobilenetv3_small_050", 8, (1, 2, 4, 8, 8, 8), marks=pytest.mark.slow),
        ("hardcorenas_a", 16, (1, 2, 4, 8, 16, 16)),
    ],
)
def test_dilation_is_granted(name, stride, strides):
    encoder = on_meta(name, output_stride=stride)
    assert encoder.spec.strides == strides
    height, width = run(encoder, (128, 192))[-1].shape[-2:]
    assert (height, width) == (128 // strides[-1], 192 // strides[-1])


def test_what_only_timm_s_feature_extractor_dilates_gives_its_maps():
    encoder = create("mobilenetv3_small_050", output_stride=8).eval()
    extractor = timm.create_model("mobilenetv3_small_050", features_only=True, output_stride=8).eval()
    encoder.body.load_state_dict(extractor.state_dict())
    image = torch.rand(1, 3, 96, 128)
    with torch.no_grad():
        for own, expected in zip(encoder(image)[1:], extractor(image), strict=True):
            assert torch.equal(own, expected)


@pytest.mark.parametrize("name", ["vgg11_bn", "swin_tiny_patch4_window7_224", "levit_128"])
def test_dilation_that_timm_can_t_do_is_refused(name):
    with pytest.raises(segzoo.NegotiationError, match="stride 8"):
        on_meta(name, output_stride=8)


def test_less_depth_needs_no_dilation():
    assert spec_of("vgg11_bn", depth=3, output_stride=8)[1] == (1, 2, 4, 8)


@pytest.mark.parametrize(
    "name", ["vit_small_patch14_dinov2", "deit_tiny_distilled_patch16_224", "vit_tiny_patch16_224"]
)
def test_the_class_token_is_appended_to_each_map(name):
    plain, joined = on_meta(name), on_meta(name, prefix="concat")
    assert joined.spec.channels[2:] == tuple(2 * channels for channels in plain.spec.channels[2:])
    assert joined.spec.token_channels == (0, 0, *plain.spec.channels[2:])
    assert not any(plain.spec.token_channels)
    assert [each.shape[1] for each in run(joined, (64, 64))] == list(joined.spec.channels)


def test_the_appended_token_is_timm_s_and_equal_all_over_the_map():
    encoder = create(SMALL, prefix="concat").eval()
    image = torch.rand(2, 3, 160, 160)
    with torch.no_grad():
        maps = encoder(image)
        expected = encoder.body.forward_intermediates(
            image, indices=list(encoder.indices), return_prefix_tokens=True, intermediates_only=True
        )
    for stage, (feature, prefix) in zip(encoder.stages, expected, strict=True):
        grid, token = maps[stage].chunk(2, dim=1)
        assert torch.equal(grid, feature)
        assert torch.equal(token, prefix[:, 0, :, None, None].expand_as(token))


@pytest.mark.parametrize(
    "name",
    [
        "resnet18",
        "swin_tiny_patch4_window7_224",
        "xcit_nano_12_p16_224",
        "vit_wee_patch16_reg1_gap_256",
        "test_vit_relpos",
    ],
)
def test_there_is_no_class_token_where_timm_has_none(name):
    with pytest.raises(segzoo.NegotiationError, match="no class token"):
        on_meta(name, prefix="concat")


def test_another_word_for_prefix_is_an_error():
    with pytest.raises(segzoo.OptionError, match="'concat' or None, got 'sum'"):
        on_meta(SMALL, prefix="sum")


def test_img_size_becomes_the_size_of_an_encoder_of_one_size():
    encoder = on_meta("beit_base_patch16_224", img_size=(160, 240))
    assert encoder.input_spec.fixed == (160, 240)


def test_img_size_shapes_the_position_embedding():
    assert on_meta(SMALL, img_size=(64, 96)).body.pos_embed.shape[1] == 4 * 6 + 1


def test_img_size_is_nothing_to_an_encoder_of_any_size():
    assert on_meta("resnet18", img_size=(320, 320)).input_spec == on_meta("resnet18").input_spec


@pytest.mark.parametrize("name", ["bat_resnext26ts", "convit_tiny"])
def test_an_img_size_that_is_refused_is_an_error(name):
    with pytest.raises(segzoo.OptionError, match=r"\(96, 128\).*without img_size it takes"):
        on_meta(name, img_size=(96, 128))


def test_options_are_timm_s():
    rates = [
        each.drop_prob
        for each in on_meta("convnext_atto", options={"drop_path_rate": 0.3}).modules()
        if hasattr(each, "drop_prob")
    ]
    assert max(rates) == pytest.approx(0.3)


@pytest.mark.parametrize("options", [{"colour": "red"}, {"num_classes": 10}, {"features_only": True}])
def test_other_options_are_errors(options):
    with pytest.raises(segzoo.OptionError, match=next(iter(options))):
        on_meta("resnet18", options=options)


@pytest.mark.parametrize("channels", [1, 2, 4, 16])
@pytest.mark.parametrize("name", ["resnet18", SMALL, pytest.param("csatv2", marks=pytest.mark.slow)])
def test_images_of_any_number_of_channels(name, channels):
    encoder = create(name, in_channels=channels).eval()
    assert encoder.spec.channels[0] == channels
    assert encoder(torch.rand(1, channels, 64, 64))[-1].isfinite().all()
    assert len(encoder.preprocessing.mean) == channels


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("resnet18", {}),
        ("test_vit", {}),
        *(
            pytest.param(name, options, marks=pytest.mark.slow)
            for name, options in [
                ("tresnet_m", {}),  # space to depth before the first convolution
                ("naflexvit_base_patch16_parfac_gap", {"depth": 2}),  # flat patches, pixel by pixel
                ("gemma4_vit_167m", {"depth": 2}),  # flat patches, channel by channel
                ("crossvit_tiny_240", {}),  # two projections
                ("csatv2", {}),  # colours only
            ]
        ),
    ],
)
def test_weights_are_adapted_to_grey_images(name, options, files):
    """Weights summed over the colours give what three equal colours gave."""
    path = files(name, **options)
    colour, grey = (create(name, path, in_channels=channels, options=options).eval() for channels in (3, 1))
    image = torch.rand(1, 1, 96, 96)
    with torch.no_grad():
        expected, maps = colour(image.expand(-1, 3, -1, -1))[-1], grey(image)[-1]
    assert (maps - expected).abs().max() <= 1e-3 * expected.abs().max()


def test_weights_are_adapted_to_many_channels_as_timm_does_it(files):
    weights = create("resnet18", files("resnet18"), in_channels=5).body.conv1.weight
    colours = create("resnet18", files("resnet18")).body.conv1.weight
    assert torch.allclose(weights, colours[:, [0, 1, 2, 0, 1]] * 3 / 5)


def test_weights_for_as_many_channels_are_taken_as_they_are(files):
    path = files("resnet18", in_chans=5)
    assert torch.equal(
        create("resnet18", path, in_channels=5).body.conv1.weight, safetensors.torch.load_file(path)["conv1.weight"]
    )


def test_weights_of_many_bands_are_not_cut(files):
    path = files("resnet18", in_chans=13)
    with pytest.raises(segzoo.CheckpointError, match="for 13 channels, and in_channels=6 would keep the first 6; give"):
        create("resnet18", path, in_channels=6)


def test_the_encoder_of_a_larger_model_s_file_is_read(files, tmp_path):
    weights = safetensors.torch.load_file(files("resnet18"))
    named = {f"model.encoder.{key}": tensor for key, tensor in weights.items()}
    torch.save(named | {"model.decoder.a": torch.ones(1), "mean": torch.zeros(3)}, tmp_path / "weights.pth")
    assert torch.equal(create("resnet18", tmp_path / "weights.pth").body.conv1.weight, weights["conv1.weight"])


@pytest.mark.parametrize("wrapper", ["", "module.", "_orig_mod.module.", "model.", "backbone."])
def test_a_state_dict_of_torch_save_is_read(wrapper, files, tmp_path):
    weights = safetensors.torch.load_file(files("resnet18"))
    torch.save({"state_dict": {wrapper + key: tensor for key, tensor in weights.items()}}, tmp_path / "weights.pth")
    assert torch.equal(create("resnet18", tmp_path / "weights.pth").body.conv1.weight, weights["conv1.weight"])


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("mobilenetv3_small_050", {"output_stride": 8}),  # timm dilates its feature extractor alone
        ("hrnet_w18_small", {"options": {"head": ""}}),
    ],
)
def test_a_whole_model_s_weights_fill_an_encoder_built_otherwise(name, request_, files):
    weights = safetensors.torch.load_file(files(name))
    body = create(name, files(name), **request_).body.state_dict()
    assert all(torch.equal(body[key], weights[key]) for key in body)


def test_an_encoder_s_own_state_dict_is_read(tmp_path):
    encoder = create("resnet18", depth=4)
    torch.save(encoder.state_dict(), tmp_path / "weights.pth")
    again = create("resnet18", tmp_path / "weights.pth", depth=4)
    assert all(
        torch.equal(a, b) for a, b in zip(encoder.state_dict().values(), again.state_dict().values(), strict=True)
    )


@pytest.mark.slow
def test_a_projection_to_colours_is_read_from_the_encoder_s_own_file(tmp_path):
    encoder = create("csatv2", in_channels=2)
    torch.nn.init.normal_(encoder.colours.weight)
    torch.save({f"module.{key}": tensor for key, tensor in encoder.state_dict().items()}, tmp_path / "weights.pth")
    again = create("csatv2", tmp_path / "weights.pth", in_channels=2)
    assert all(torch.equal(again.state_dict()[key], tensor) for key, tensor in encoder.state_dict().items())
    assert create("csatv2", tmp_path / "weights.pth").body.state_dict().keys() == encoder.body.state_dict().keys()
    with pytest.raises(segzoo.CheckpointError, match="give in_channels=2"):
        create("csatv2", tmp_path / "weights.pth", in_channels=5)


def test_position_embeddings_are_resized_to_the_image_size(files):
    assert create(SMALL, files(SMALL), img_size=(64, 96)).body.pos_embed.shape[1] == 4 * 6 + 1


@pytest.mark.parametrize(
    ("of", "name"),
    [
        ("resnet18", "resnet34"),
        ("resnet34", "resnet18"),
        pytest.param("resnet18", "vgg11_bn", marks=pytest.mark.slow),
        ("test_vit", "test_vit2"),
    ],
)
def test_weights_of_another_architecture_are_an_error(of, name, files):
    with pytest.raises(segzoo.CheckpointError, match=f"timm's {name}"):
        create(name, files(of))


def test_incomplete_weights_are_an_error(files, tmp_path):
    weights = safetensors.torch.load_file(files("resnet18"))
    del weights["layer3.0.conv1.weight"]
    torch.save(weights, tmp_path / "weights.pth")
    with pytest.raises(segzoo.CheckpointError, match=r"layer3\.0\.conv1\.weight"):
        create("resnet18", tmp_path / "weights.pth")


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(segzoo.CheckpointError, match=r"no_such\.pth"):
        create("resnet18", tmp_path / "no_such.pth")


def test_an_architecture_without_published_weights_is_an_error():
    with pytest.raises(segzoo.CheckpointError, match=r"darknet17.*local file"):
        create("darknet17", True)


def test_a_hub_that_can_t_be_reached_is_an_error_that_says_what_to_do(monkeypatch):
    def unreachable(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr(timm.models._builder, "load_state_dict_from_hf", unreachable)
    with pytest.raises(segzoo.CheckpointError, match=r"Name or service not known.*check the connection"):
        create("resnet18", True)


def test_a_folder_that_is_not_there_is_an_error():
    with pytest.raises(segzoo.CheckpointError, match="no/such/folder"):
        create("local-dir:/no/such/folder")


def test_published_weights_are_loaded(monkeypatch, files):
    weights = safetensors.torch.load_file(files("resnet18"))
    monkeypatch.setattr(timm.models._builder, "load_state_dict_from_hf", lambda *_, **__: dict(weights))
    assert torch.equal(create("resnet18", True).body.conv1.weight, weights["conv1.weight"])


def test_no_weights_are_looked_for_on_the_meta_device():
    with torch.device("meta"):
        assert create("resnet18", "no_such.pth").body.conv1.weight.is_meta


@pytest.mark.parametrize("name", ["resnet18", SMALL, "efficientnet_b0", pytest.param("csatv2", marks=pytest.mark.slow)])
def test_nothing_is_warned_of(name, files, caplog):
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        create(name, files(name), in_channels=2)(torch.rand(2, 2, 97, 131)[..., :96, :128])
    assert caplog.records == []


@pytest.mark.parametrize(
    ("name", "options"),
    [("resnet18", {}), (SMALL, {}), pytest.param("gemma4_vit_167m", {"depth": 2}, marks=pytest.mark.slow)],
)
def test_an_encoder_can_be_exported(name, options):
    encoder = on_meta(name, options=options).eval()
    with torch.device("meta"):
        image = torch.empty(1, 3, 64, 64)
        program = torch.export.export(encoder, (image,))
        assert [each.shape for each in program.module()(image)] == [each.shape for each in encoder(image)]
