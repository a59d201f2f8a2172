from pathlib import Path

import pytest
import torch
from published import image, small_model
from synthetic import OF_MAPS, slow_unless_different, small
from torch import nn

import segzoo

pytestmark = pytest.mark.usefixtures("no_network")


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        pytest.param(encoder, decoder, marks=slow_unless_different(decoder))
        for encoder, decoders in {"test_vit": segzoo.list_decoders(), "test_resnet": OF_MAPS}.items()
        for decoder in decoders
    ],
)
def test_a_model_computes_the_same_to_the_bit(encoder: str, decoder: str, tmp_path: Path) -> None:
    model = segzoo.create_model(encoder, decoder, classes=3, decoder_options=small(decoder)).eval()
    model.save_pretrained(tmp_path / "model")
    loaded = segzoo.from_pretrained(tmp_path / "model", verify=True)
    with torch.inference_mode():
        assert torch.equal(loaded(image()), model(image()))
    assert loaded.config == model.config
    assert loaded.plan == model.plan


@pytest.mark.parametrize(
    "options",
    [
        {"heads": {"mask": 3, "edge": 1}},
        {"heads": {"mask": 3, "edge": 1}, "decoder": "segmenter", "decoder_options": {}},
        {"in_channels": 5},
        {"auxiliary": [4]},
        {"depth": 4, "strict_size": True},
        {"decoder": "deeplabv3plus", "decoder_options": {}},
        {"encoder": "test_vit", "img_size": (96, 64), "neck": "simple_pyramid"},
        {"encoder": "test_vit", "decoder": "linear", "decoder_options": {"class_token": True}},
        {"encoder_options": {"drop_path_rate": 0.1}},
    ],
    ids=str,
)
def test_options_survive(options: dict[str, object], tmp_path: Path) -> None:
    model = small_model(**options)  # type: ignore[arg-type]
    model.save_pretrained(tmp_path)
    loaded = segzoo.from_pretrained(tmp_path, verify=True)
    assert (loaded.config, loaded.plan, loaded.preprocessing) == (model.config, model.plan, model.preprocessing)
    batch = torch.rand(1, model.plan.request.in_channels, 64, 64)
    with torch.inference_mode():
        expected, logits = model(batch), loaded(batch)
    for name, each in expected.items() if isinstance(expected, dict) else [("logits", expected)]:
        assert torch.equal(logits[name] if isinstance(logits, dict) else logits, each)


def test_a_model_is_loaded_in_eval_mode_with_its_labels_and_preprocessing(folder: Path) -> None:
    loaded = segzoo.from_pretrained(str(folder))
    assert not any(module.training for module in loaded.modules())
    assert loaded.labels == {"logits": segzoo.Labels(("road", "sky", "tree"), ((1, 2, 3), (4, 5, 6), (7, 8, 9)))}


@pytest.mark.parametrize(
    "preprocessing",
    [
        segzoo.Preprocessing((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)),
        segzoo.Preprocessing((1353.7, 1117.2, 1041.9), (245.7, 333.0, 395.1), scaled=False),
    ],
    ids=["of values from 0 to 1", "of digital numbers"],
)
def test_preprocessing_that_was_set_by_hand_survives(preprocessing: segzoo.Preprocessing, tmp_path: Path) -> None:
    model = small_model()
    model.preprocessing = preprocessing
    model.save_pretrained(tmp_path)
    assert segzoo.from_pretrained(tmp_path).preprocessing == model.preprocessing


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_type_of_the_weights_is_kept(dtype: torch.dtype, tmp_path: Path) -> None:
    model = small_model().to(dtype)
    model.save_pretrained(tmp_path)
    loaded = segzoo.from_pretrained(tmp_path)
    types = {name: tensor.dtype for name, tensor in model.state_dict().items()}
    assert {name: tensor.dtype for name, tensor in loaded.state_dict().items()} == types


def test_weights_of_several_types_keep_theirs(tmp_path: Path) -> None:
    model = small_model()
    model.encoder.to(torch.bfloat16)
    model.save_pretrained(tmp_path)
    loaded = segzoo.from_pretrained(tmp_path)
    assert {each.dtype for each in loaded.encoder.parameters()} == {torch.bfloat16}
    assert {each.dtype for each in loaded.decoder.parameters()} == {torch.float32}


def test_weights_that_share_memory_are_saved_under_each_name(tmp_path: Path) -> None:
    model = small_model()
    norms = [module for module in model.encoder.modules() if isinstance(module, nn.BatchNorm2d)]
    norms[0].bias = norms[0].weight
    flat = torch.rand(2 * norms[1].num_features)
    norms[1].weight.data, norms[1].bias.data = flat.chunk(2)
    model.save_pretrained(tmp_path)
    loaded = segzoo.from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in model.state_dict().items())


def test_a_loaded_model_is_saved_again_as_it_was(folder: Path, tmp_path: Path) -> None:
    segzoo.from_pretrained(folder).save_pretrained(tmp_path / "again")
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "again" / file).read_bytes() == (folder / file).read_bytes()


def test_saving_leaves_the_model_as_it_is(tmp_path: Path) -> None:
    model = small_model().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    random = torch.get_rng_state()
    model.save_pretrained(tmp_path)
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
