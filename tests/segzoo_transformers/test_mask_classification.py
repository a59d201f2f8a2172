"""Mask2Former and MaskFormer as transformers saves them."""

import json

import pytest
import torch
import transformers
from foreign import difference, disturb
from importing import import_checkpoint

import segzoo
from segzoo_transformers.importer import TransformersImporter

STAGES = ["stage1", "stage2", "stage3", "stage4"]
SWIN = {"embed_dim": 24, "depths": [1, 2, 1, 1], "num_heads": [1, 2, 4, 8], "window_size": 5, "out_features": STAGES}
RESNET = {"layer_type": "basic", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "out_features": STAGES}
BOTTLENECKS = {"out_features": STAGES}
SIZES = [(64, 96), (97, 131)]


def backbone(kind):
    if kind == "swin":
        return transformers.SwinConfig(**SWIN)
    return transformers.ResNetConfig(**(RESNET if kind == "resnet18" else BOTTLENECKS))


def mask2former(kind="swin", **settings):
    small = {"feature_size": 64, "mask_feature_size": 64, "hidden_dim": 64, "num_queries": 7, "num_labels": 5}
    layers = {"decoder_layers": 4, "encoder_layers": 2, "dim_feedforward": 96, "encoder_feedforward_dim": 80}
    config = transformers.Mask2FormerConfig(backbone_config=backbone(kind), **small | layers | settings)
    return transformers.Mask2FormerForUniversalSegmentation(config)


def maskformer(kind="swin", detr=None, **settings):
    small = {"d_model": 64, "num_queries": 7, "decoder_layers": 2, "decoder_ffn_dim": 96}
    config = transformers.MaskFormerConfig(
        backbone_config=backbone(kind),
        decoder_config=transformers.DetrConfig(**small | (detr or {})),
        **{"fpn_feature_size": 64, "mask_feature_size": 64, "num_labels": 5} | settings,
    )
    return transformers.MaskFormerForInstanceSegmentation(config)


@torch.no_grad()
def assert_same_queries(peer, folder):
    disturb(peer).save_pretrained(folder)
    model = import_checkpoint(TransformersImporter(), folder)
    for size in SIZES:
        image = torch.randn(2, 3, *size)
        expected = peer(image)
        got = model.queries(image)
        assert difference(got.masks, expected.masks_queries_logits) <= 1e-4
        assert difference(got.classes, expected.class_queries_logits) <= 1e-4
    return model


def imported(peer, folder):
    peer.save_pretrained(folder)
    return TransformersImporter().read(segzoo.Checkpoint(folder))


@pytest.mark.parametrize("kind", ["swin", "resnet18"])
def test_queries_of_mask2former_are_transformers(kind, tmp_path):
    assert_same_queries(mask2former(kind), tmp_path)


@pytest.mark.parametrize("kind", ["swin", "resnet18"])
def test_queries_of_maskformer_are_transformers(kind, tmp_path):
    assert_same_queries(maskformer(kind), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("make", [mask2former, maskformer])
def test_queries_on_resnet50_are_transformers(make, tmp_path):
    assert assert_same_queries(make("resnet50"), tmp_path).plan.encoder.id == "segzoo:timm/resnet50"


@torch.no_grad()
def test_logits_are_the_scores_that_transformers_postprocessing_sums(tmp_path):
    peer = disturb(mask2former())
    peer.save_pretrained(tmp_path)
    model, image = import_checkpoint(TransformersImporter(), tmp_path), torch.randn(1, 3, 97, 131)
    found = peer(image)
    masks = segzoo.nn.resize(found.masks_queries_logits, (97, 131)).sigmoid()
    classes = found.class_queries_logits.softmax(dim=-1)[..., :-1]
    assert difference(model(image).exp(), torch.einsum("bqc,bqhw->bchw", classes, masks)) <= 1e-4


@pytest.mark.parametrize("make", [mask2former, maskformer])
def test_no_object_is_no_class_and_the_others_have_their_names(make, tmp_path):
    names = {0: "wall", 1: "sky", 2: "sea", 3: "sand", 4: "sun"}
    read = imported(make(id2label=names), tmp_path)
    assert read.arguments["classes"] == 5
    assert read.labels["logits"].names == ("wall", "sky", "sea", "sand", "sun")


def test_dropout_is_as_it_was(tmp_path):
    assert imported(maskformer(detr={"dropout": 0.2}), tmp_path).arguments["decoder_options"]["dropout"] == 0.2


def refused(folder, config):
    (folder / "config.json").write_text(json.dumps(config))
    TransformersImporter().read(segzoo.Checkpoint(folder))


SAID = {"architectures": ["Mask2FormerForUniversalSegmentation"], "model_type": "mask2former"}
ON_SWIN = {"backbone_config": {"model_type": "swin"}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "its backbone is None, and segzoo reads those on swin, maskformer-swin, resnet"),
        ({"backbone_config": {"model_type": "convnext"}}, "its backbone is 'convnext'"),
        ({"backbone_config": {"model_type": "swin", "out_features": STAGES[1:]}}, r"out_features is \['stage2'"),
        ({"backbone_config": {"model_type": "resnet", "depths": [1, 1, 1, 1]}}, r"its blocks are \[1, 1, 1, 1\]"),
        ({"backbone_config": {"model_type": "resnet", "downsample_in_bottleneck": True}}, "downsample_in_bottleneck"),
        (ON_SWIN | {"pre_norm": True}, "pre_norm is True"),
        (ON_SWIN | {"enforce_input_projection": True}, "enforce_input_projection is True"),
        (ON_SWIN | {"num_attention_heads": 4}, "num_attention_heads is 4"),
        (ON_SWIN | {"common_stride": 8}, "common_stride is 8"),
        (ON_SWIN | {"mask_feature_size": 128}, "mask_feature_size is 128"),
        (
            ON_SWIN
            | {
                "architectures": ["MaskFormerForInstanceSegmentation"],
                "decoder_config": {"d_model": 128},
            },
            "fpn_feature_size is 256",
        ),
        (
            ON_SWIN
            | {
                "architectures": ["MaskFormerForInstanceSegmentation"],
                "decoder_config": {"decoder_attention_heads": 4},
            },
            "decoder_attention_heads is 4",
        ),
    ],
)
def test_what_cannot_be_imported_says_which_part(config, message, tmp_path):
    with pytest.raises(segzoo.CheckpointError, match=message):
        refused(tmp_path, SAID | config)
