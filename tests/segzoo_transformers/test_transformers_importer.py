import json

import pytest
import torch
import transformers
from foreign import difference, disturb
from importing import import_checkpoint
from safetensors.torch import load_file, save_file

import segzoo
from segzoo.testing import checks
from segzoo_transformers.importer import TransformersImporter

STAGES = ["stage1", "stage2", "stage3", "stage4"]
SIZES = [(64, 64), (97, 131)]
SWIN = {"embed_dim": 24, "depths": [2, 2, 2, 2], "num_heads": [1, 2, 4, 8], "window_size": 5, "out_features": STAGES}
CONVNEXT = {"hidden_sizes": [16, 24, 32, 40], "depths": [1, 1, 2, 1], "out_features": STAGES}
SMALL_VIT = {"hidden_size": 48, "num_hidden_layers": 4, "num_attention_heads": 3, "intermediate_size": 96}
DPT = SMALL_VIT | {
    "backbone_out_indices": [0, 1, 2, 3],
    "image_size": 64,
    "neck_hidden_sizes": [16, 24, 32, 40],
    "fusion_hidden_size": 32,
}
MOBILEVIT = {"hidden_sizes": [64, 80, 96], "neck_hidden_sizes": [16, 16, 24, 48, 64, 80, 320], "expand_ratio": 2.0}


def segformer(**settings):
    return transformers.SegformerForSemanticSegmentation(transformers.SegformerConfig(num_labels=5, **settings))


def upernet(backbone, sizes=None, **settings):
    kind, own = {"swin": (transformers.SwinConfig, SWIN), "convnext": (transformers.ConvNextConfig, CONVNEXT)}[backbone]
    inner = kind(**own | (sizes or {}))
    config = transformers.UperNetConfig(backbone_config=inner, num_labels=5, hidden_size=32, **settings)
    return transformers.UperNetForSemanticSegmentation(config)


def dpt(**settings):
    return transformers.DPTForSemanticSegmentation(transformers.DPTConfig(num_labels=5, **DPT | settings))


def beit(**settings):
    own = SMALL_VIT | {"out_indices": [1, 2, 3, 4], "image_size": 64, "use_relative_position_bias": True}
    return transformers.BeitForSemanticSegmentation(transformers.BeitConfig(num_labels=5, **own | settings))


def data2vec(**settings):
    own = SMALL_VIT | {"out_indices": [1, 2, 3, 4], "image_size": 64, "use_relative_position_bias": True}
    config = transformers.Data2VecVisionConfig(num_labels=5, **own | settings)
    return transformers.Data2VecVisionForSemanticSegmentation(config)


def sapiens2(head=None, **settings):
    own = {"hidden_size": 48, "intermediate_size": 100, "num_attention_heads": 4, "image_size": 64}
    own |= {"num_hidden_layers": 4, "num_key_value_attention_heads": 2}
    own |= {"num_first_full_attention_layers": 1, "num_last_full_attention_layers": 1}
    head = {"upsample_out_channels": [24, 16, 12, 8], "conv_out_channels": [10, 6]} | (head or {})
    kind = newest("Sapiens2ForSemanticSegmentation")
    return kind(transformers.Sapiens2Config(num_labels=5, head_config=head, **own | settings))


def tipsv2(kind="Tipsv2DptForSemanticSegmentation", backbone=None, **settings):
    own = {"hidden_size": 48, "num_hidden_layers": 5, "num_attention_heads": 3, "image_size": 112, "mlp_ratio": 2.1}
    own |= {"model_type": "tipsv2_vision_model", "out_indices": [1, 2, 3, 4], "reshape_hidden_states": False}
    head = {"neck_hidden_sizes": [16, 24, 32, 40], "fusion_hidden_size": 32}
    kind = newest(kind)
    return kind(transformers.Tipsv2DptConfig(num_labels=5, backbone_config=own | (backbone or {}), **head | settings))


def newest(kind):
    """A class that older versions of transformers don't have."""
    return getattr(transformers, kind, None) or pytest.skip(f"transformers {transformers.__version__} has no {kind}")


def mobilenet(**settings):
    config = transformers.MobileNetV2Config(num_labels=5, **{"depth_multiplier": 0.35} | settings)
    return transformers.MobileNetV2ForSemanticSegmentation(config)


def mobilevit(**settings):
    config = transformers.MobileViTConfig(num_labels=5, aspp_out_channels=32, **MOBILEVIT | settings)
    return transformers.MobileViTForSemanticSegmentation(config)


@torch.no_grad()
def assert_same_logits(peer, folder, *sizes, **saving):
    """transformers gives some logits at a quarter of the image's size, and resizes them so for its loss."""
    disturb(peer).save_pretrained(folder, **saving)
    model = import_checkpoint(TransformersImporter(), folder)
    for size in sizes:
        image = torch.randn(2, 3, *size)
        expected = segzoo.nn.resize(peer(image).logits, size)
        assert difference(model(image), expected) <= 1e-4
    return model


def imported(peer, folder, preprocessor=None):
    peer.save_pretrained(folder)
    if preprocessor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return TransformersImporter().read(segzoo.Checkpoint(folder))


def test_logits_of_segformer_are_transformers(tmp_path):
    assert_same_logits(segformer(), tmp_path, *SIZES)


def test_logits_of_upernet_on_swin_are_transformers(tmp_path):
    assert_same_logits(upernet("swin"), tmp_path, *SIZES)


def test_logits_of_upernet_on_convnext_are_transformers(tmp_path):
    assert_same_logits(upernet("convnext"), tmp_path, (64, 64), (96, 128))


@pytest.mark.parametrize("norm", [False, True])
def test_logits_of_dpt_are_transformers(norm, tmp_path):
    assert_same_logits(dpt(use_batch_norm_in_fusion_residual=norm), tmp_path, (64, 64))


NAMES = pytest.mark.parametrize("saving", [{}, {"save_original_format": False}], ids=["authors", "transformers"])


@NAMES
@pytest.mark.parametrize("indices", [[1, 2, 3, 4], [2, 3, 4, 5]])
def test_logits_of_beit_are_transformers(indices, saving, tmp_path):
    assert_same_logits(beit(num_hidden_layers=5, out_indices=indices), tmp_path, (64, 64), (96, 160), **saving)


@pytest.mark.parametrize("blocks", [4, 5])
def test_logits_of_data2vec_are_transformers(blocks, tmp_path):
    assert_same_logits(data2vec(num_hidden_layers=blocks), tmp_path, (64, 64))  # transformers' takes no other size


def test_auxiliary_logits_of_beit_are_transformers(tmp_path):
    peer = beit()
    model = assert_same_logits(peer, tmp_path, (64, 64))
    maps = []
    peer.auxiliary_head.register_forward_hook(lambda module, arguments, result: maps.append(result))
    image = torch.randn(1, 3, 96, 64)
    with torch.no_grad():
        peer(image)
        got = model(image, auxiliary=True)[1][4]
    assert difference(got, segzoo.nn.resize(maps[0], (96, 64))) <= 1e-4


@NAMES
def test_logits_of_sapiens2_are_transformers(saving, tmp_path):
    assert_same_logits(sapiens2(), tmp_path, (64, 64), (96, 48), **saving)


@pytest.mark.parametrize(
    "head",
    [
        {"upsample_out_channels": [24, 16], "conv_out_channels": [10, 8, 6]},
        {"use_pixel_shuffle": True, "upsample_kernel_sizes": [3] * 4, "conv_out_channels": []},
    ],
)
@NAMES
def test_logits_of_sapiens2_with_other_heads_are_transformers(head, saving, tmp_path):
    assert_same_logits(sapiens2(head), tmp_path, (64, 96), **saving)


def test_blocks_of_sapiens2_share_keys_as_their_number_says(tmp_path):
    arguments = imported(sapiens2(), tmp_path).arguments
    assert arguments["encoder_options"]["key_heads"] == [4, 2, 2, 4]


@NAMES
@pytest.mark.parametrize("gated", [False, True])
def test_logits_of_tipsv2_are_transformers(gated, saving, tmp_path):
    assert_same_logits(tipsv2(backbone={"use_swiglu_ffn": gated}), tmp_path, (112, 112), (56, 140), **saving)


@NAMES
def test_of_three_tasks_of_tipsv2_the_classes_are_imported(saving, tmp_path):
    peer = disturb(tipsv2("Tipsv2DptForDensePrediction", readout_activation="gelu"))
    peer.save_pretrained(tmp_path, **saving)
    model, image = import_checkpoint(TransformersImporter(), tmp_path), torch.randn(1, 3, 112, 112)
    with torch.no_grad():
        expected = segzoo.nn.resize(peer(image).segmentation_logits, (112, 112))
        assert difference(model(image), expected) <= 1e-4
    assert "depth and of normals were left out" in TransformersImporter().read(segzoo.Checkpoint(tmp_path)).losses[0]


@pytest.mark.parametrize("output_stride", [*(pytest.param(stride, marks=pytest.mark.slow) for stride in (8, 16)), 32])
def test_logits_of_mobilenet_are_transformers(output_stride, tmp_path):
    assert_same_logits(mobilenet(output_stride=output_stride), tmp_path, *SIZES)


@pytest.mark.slow
def test_logits_of_mobilenet_with_even_padding_are_transformers(tmp_path):
    assert_same_logits(mobilenet(tf_padding=False), tmp_path, *SIZES)


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_logits_of_mobilevit_are_transformers(output_stride, tmp_path):
    assert_same_logits(mobilevit(output_stride=output_stride), tmp_path, *SIZES)


def test_auxiliary_logits_of_upernet_on_swin_are_transformers(tmp_path):
    peer = upernet("swin")
    model = assert_same_logits(peer, tmp_path, (64, 64))
    image = torch.randn(1, 3, 97, 131)
    with torch.no_grad():
        expected = peer.auxiliary_head(peer.backbone(image).feature_maps)
        got = model(image, auxiliary=True)[1][4]
    assert difference(got, segzoo.nn.resize(expected, (97, 131))) <= 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["tiny", "base"])
def test_logits_of_published_sizes_are_transformers(variant, tmp_path):
    sizes = {
        "tiny": {"embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24], "window_size": 7},
        "base": {"embed_dim": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32], "window_size": 12},
    }
    assert_same_logits(upernet("swin", sizes[variant]), tmp_path, (97, 131))


def test_auxiliary_heads_that_are_left_out_are_noted(tmp_path):
    for name, peer in (("convnext", upernet("convnext")), ("dpt", dpt())):
        read = imported(peer, tmp_path / name)
        assert any("auxiliary head was left out" in loss for loss in read.losses)
        assert not any(weight.startswith("auxiliary") for weight in read.weights)


def test_the_classes_have_their_names(tmp_path):
    names = {0: "wall", 1: "sky", 2: "sea", 3: "sand", 4: "sun"}
    read = imported(segformer(id2label=names), tmp_path)
    assert read.labels["logits"].names == ("wall", "sky", "sea", "sand", "sun")


def test_placeholders_are_no_names(tmp_path):
    assert imported(segformer(), tmp_path).labels == {}


@pytest.mark.parametrize(
    ("said", "mean", "std"),
    [
        ({"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.2]}, (0.5, 0.4, 0.3), (0.2, 0.2, 0.2)),
        ({"do_normalize": False}, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        (
            {"do_rescale": False, "image_mean": [51.0] * 3, "image_std": [102.0] * 3},
            (0.2, 0.2, 0.2),
            (0.4, 0.4, 0.4),
        ),
        (
            {"rescale_factor": 2 / 255, "image_mean": [0.5] * 3, "image_std": [0.5] * 3},
            (0.25, 0.25, 0.25),
            (0.25, 0.25, 0.25),
        ),
    ],
)
def test_pictures_are_prepared_as_the_folder_says(said, mean, std, tmp_path):
    preprocessing = imported(segformer(), tmp_path, said).preprocessing
    assert preprocessing.mean == pytest.approx(mean)
    assert preprocessing.std == pytest.approx(std)


def test_blue_green_red_is_put_in_order(tmp_path):
    peer = disturb(mobilevit())
    peer.save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps({"do_normalize": False, "do_flip_channel_order": True})
    )
    model = import_checkpoint(TransformersImporter(), tmp_path)
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = segzoo.nn.resize(peer(image.flip(1)).logits, (64, 64))
        assert difference(model(image), expected) <= 1e-4
    assert "red, green, blue" in TransformersImporter().read(segzoo.Checkpoint(tmp_path)).notes[0]


def no_class(**config):
    return {"architectures": ["SegformerForSemanticSegmentation"], "model_type": "segformer"} | config


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            no_class(sr_ratios=[8, 4, 2, 2]),
            r"sr_ratios is \[8, 4, 2, 2\], and segzoo's has no other than \[8, 4, 2, 1\]",
        ),
        (no_class(hidden_sizes=[8, 16, 32, 64]), "is none of mit_b0"),
        (no_class(architectures=["SegformerModel"]), "SegformerModel of transformers can't be imported"),
        (
            {"architectures": ["UperNetForSemanticSegmentation"], "backbone_config": {"model_type": "resnet"}},
            "its backbone is 'resnet', and segzoo reads those on swin, convnext",
        ),
        (
            {
                "architectures": ["UperNetForSemanticSegmentation"],
                "backbone_config": {"model_type": "swin", "use_absolute_embeddings": True},
            },
            "use_absolute_embeddings is True",
        ),
        ({"architectures": ["DPTForSemanticSegmentation"], "is_hybrid": True}, "is_hybrid is True"),
        (
            {"architectures": ["BeitForSemanticSegmentation"], "use_absolute_position_embeddings": True},
            "use_absolute_position_embeddings is True",
        ),
        ({"architectures": ["DPTForSemanticSegmentation"], "num_hidden_layers": None}, "can't be understood"),
        (
            {"architectures": ["DPTForSemanticSegmentation"], "backbone_out_indices": [8, 9, 10, 11]},
            r"backbone_out_indices is \[8, 9, 10, 11\], and segzoo's has no other than \[2, 5, 8, 11\]",
        ),
        ({"architectures": ["Sapiens2ForSemanticSegmentation"], "use_gated_mlp": False}, "use_gated_mlp is False"),
        (
            {"architectures": ["Tipsv2DptForSemanticSegmentation"], "backbone_config": {"patch_size": 16}},
            "this TIPSv2 can't be imported: its patch_size is 16",
        ),
        (
            {"architectures": ["Data2VecVisionForSemanticSegmentation"], "use_relative_position_bias": False},
            "this Data2VecVision can't be imported: its use_relative_position_bias is False",
        ),
        ({"architectures": ["MobileNetV2ForSemanticSegmentation"], "depth_multiplier": 0.6}, "depth_multiplier is 0.6"),
        ({"architectures": ["MobileViTForSemanticSegmentation"], "hidden_sizes": [1, 2, 3]}, "are those of none of"),
    ],
)
def test_what_cannot_be_imported_says_which_part(config, message, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(segzoo.CheckpointError, match=message):
        TransformersImporter().read(segzoo.Checkpoint(tmp_path))


@pytest.mark.parametrize(
    ("peer", "message"),
    [
        (lambda: sapiens2({"upsample_kernel_sizes": [2] * 4}), r"its upsample_kernel_sizes is \[2, 2, 2, 2\]"),
        (lambda: sapiens2({"upsample_out_channels": [8] * 5}), "doubles a map of patches 4 times at most"),
        (lambda: tipsv2(readout_activation="relu"), "its readout_activation is 'relu', and segzoo's has gelu, "),
    ],
)
def test_heads_that_cannot_be_imported_say_why(peer, message, tmp_path):
    with pytest.raises(segzoo.CheckpointError, match=message):
        imported(peer(), tmp_path)


def test_position_indices_of_earlier_versions_are_passed_over(tmp_path):
    for name, peer in (("swin", upernet("swin")), ("beit", beit())):
        peer.save_pretrained(tmp_path / name)
        saved = load_file(tmp_path / name / "model.safetensors")
        tables = [key for key in saved if key.endswith(".relative_position_bias_table")]
        more = {key.replace("_bias_table", "_index"): torch.zeros(2) for key in tables}
        save_file(saved | more, tmp_path / name / "model.safetensors", {"format": "pt"})
        import_checkpoint(TransformersImporter(), tmp_path / name)


def test_missing_weights_are_named(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(no_class()))
    torch.save({"some.weight": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(segzoo.CheckpointError, match=r"lack decode_head\.classifier\.weight"):
        TransformersImporter().read(segzoo.Checkpoint(tmp_path))


def test_only_folders_of_transformers_are_recognised(tmp_path):
    assert not TransformersImporter().recognises(segzoo.Checkpoint(tmp_path))
    (tmp_path / "config.json").write_text('{"encoder_name": "resnet34"}')
    assert not TransformersImporter().recognises(segzoo.Checkpoint(tmp_path))
    assert all(hasattr(transformers, each.name) for each in TransformersImporter.architectures)


@pytest.mark.parametrize("output_stride", [None, 16])
@pytest.mark.parametrize("depth", [1, 3, 5])
def test_the_encoder_honours_the_contract(depth, output_stride):
    options = {"output_stride": output_stride} if output_stride else {}
    with torch.device("meta"):
        model = segzoo.create_model(
            "transformers-mobilevit_xxs",
            "linear",
            classes=2,
            depth=depth,
            in_channels=4,
            encoder_options=options,
            decoder_options={"output_stride": None},
        )
    assert max(model.plan.spec.strides) == min(2**depth, output_stride or 32)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"encoder_options": {"output_stride": 16}}, segzoo.NegotiationError),
        ({"encoder_options": {"prefix": "concat"}}, segzoo.NegotiationError),
        ({"encoder_options": {"size": 2}}, segzoo.OptionError),
        ({"encoder_options": {"taps": [3, 2, 1, 0]}}, segzoo.OptionError),
        ({"depth": 4}, segzoo.OptionError),
    ],
)
def test_the_encoder_of_beit_refuses(arguments, error):
    with pytest.raises(error, match=r"transformers-beit|BEiT"):
        segzoo.plan("transformers-beit", "upernet", **arguments)


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("transformers-sapiens2", {"output_stride": 16}, segzoo.NegotiationError),
        ("transformers-sapiens2", {"prefix": "concat"}, segzoo.NegotiationError),
        ("transformers-sapiens2", {"width": 1000}, segzoo.OptionError),
        ("transformers-sapiens2", {"key_heads": [3]}, segzoo.OptionError),
        ("transformers-sapiens2", {"blocks": 3}, segzoo.OptionError),
        ("transformers-tipsv2", {"taps": [1, 2, 4, 3]}, segzoo.OptionError),
        ("transformers-tipsv2", {"heads": 7}, segzoo.OptionError),
        ("transformers-tipsv2", {"class_token": True}, segzoo.OptionError),
    ],
)
def test_the_encoders_of_plain_transformers_refuse(name, options, error):
    with pytest.raises(error, match=r"transformers-|Sapiens2|TIPSv2"):
        segzoo.plan(name, "linear", encoder_options=options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("peer", "size"), [(beit, None), (tipsv2, None), (sapiens2, (96, 48))], ids=["beit", "tipsv2", "sapiens2"]
)
def test_what_was_imported_exports(peer, size, tmp_path):
    disturb(peer()).save_pretrained(tmp_path / "peer")
    model = import_checkpoint(TransformersImporter(), tmp_path / "peer")
    assert segzoo.export(model, tmp_path / "model.pt2", "torch-export", size=size).difference < 1e-4


PROMISES = [each for each in checks("encoder") if not each.slow and each.name != "descriptor"]  # that is the source's


@pytest.mark.parametrize("check", PROMISES, ids=str)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("transformers-sapiens2", {"width": 48, "heads": 4, "key_heads": [4, 2, 4], "hidden": 64}),
        ("transformers-tipsv2", {"width": 48, "heads": 4, "hidden": 64, "taps": [1, 2, 3, 4], "grid": 4}),
    ],
)
def test_the_encoders_of_plain_transformers_keep_their_promises(name, options, check):
    check(name, options=options)


@pytest.mark.parametrize("name", [f"transformers-{each}" for each in ("beit", "sapiens2", "tipsv2", "mobilevit_s")])
def test_the_encoders_have_no_published_weights(name):
    with pytest.raises(segzoo.CheckpointError, match="no published weights"):
        segzoo.create_model(name, "upernet", classes=2, pretrained=True)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"encoder_options": {"output_stride": 4}}, segzoo.NegotiationError),
        ({"encoder_options": {"prefix": "concat"}}, segzoo.NegotiationError),
        ({"encoder_options": {"width": 2}}, segzoo.OptionError),
        ({"depth": 6}, segzoo.OptionError),
    ],
)
def test_the_encoder_refuses(arguments, error):
    with pytest.raises(error, match="transformers-mobilevit_xxs"):
        segzoo.plan("transformers-mobilevit_xxs", "fcn", **arguments)
