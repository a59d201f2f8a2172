import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from safetensors.torch import load_file, save_file
from transformers import (
    SegformerConfig,
    SegformerForImageClassification,
    SegformerForSemanticSegmentation,
    SegformerModel,
)

import segzoo
from segzoo_mit.index import VARIANTS
from segzoo_mit.source import MixTransformerSource

FIRST = "stages.0.patches.projection.weight"


def create(name="mit_b0", pretrained=False, **request):
    return MixTransformerSource().create(name, segzoo.EncoderRequest(**request), pretrained).eval()


def transformers_model(cls, name="mit_b0"):
    channels, blocks = VARIANTS[name]
    model = cls(SegformerConfig(hidden_sizes=list(channels), depths=list(blocks))).eval()
    with torch.no_grad():  # biases and norms are zeros and ones at first: a mix-up wouldn't show
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.02)
    return model


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(0)
    return transformers_model(SegformerModel)


@pytest.fixture(scope="module")
def folder(reference, tmp_path_factory):
    path = tmp_path_factory.mktemp("transformers")
    reference.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def file(folder):
    return folder / "model.safetensors"


@torch.no_grad()
def assert_same_maps(encoder, reference, image):
    expected = reference(image, output_hidden_states=True).hidden_states
    for ours, theirs in zip(encoder(image)[2:], expected, strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= 1e-4 * theirs.abs().max()


@pytest.mark.parametrize("size", [(64, 64), (97, 131), (224, 320)])
def test_maps_are_those_of_transformers(reference, folder, size):
    assert_same_maps(create(pretrained=folder), reference, torch.randn(2, 3, *size))


def test_maps_of_a_variant_with_more_blocks_are_those_of_transformers(tmp_path):
    model = transformers_model(SegformerModel, "mit_b2")
    model.save_pretrained(tmp_path)
    assert_same_maps(create("mit_b2", pretrained=str(tmp_path)), model, torch.randn(1, 3, 97, 131))


@pytest.mark.parametrize("cls", [SegformerForImageClassification, SegformerForSemanticSegmentation])
def test_heads_are_left_out(cls, tmp_path):
    model = transformers_model(cls)
    model.save_pretrained(tmp_path)
    assert_same_maps(create(pretrained=tmp_path), model.segformer, torch.randn(1, 3, 64, 64))


def test_names_that_transformers_uses_in_memory_are_known(reference, tmp_path):
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    assert_same_maps(create(pretrained=tmp_path / "weights.pth"), reference, torch.randn(1, 3, 64, 64))


@pytest.mark.parametrize("suffix", ["pth", "bin", "safetensors"])
@pytest.mark.parametrize("prefix", ["", "encoder.", "module.backbone."])
def test_a_state_dict_of_its_own_loads(suffix, prefix, tmp_path):
    saved = create()
    weights = {prefix + key: value for key, value in saved.state_dict().items()}
    path = tmp_path / f"own.{suffix}"
    (save_file if suffix == "safetensors" else torch.save)(weights, path)
    torch.testing.assert_close(dict(create(pretrained=path).state_dict()), dict(saved.state_dict()), rtol=0, atol=0)


def test_a_shallower_encoder_takes_its_part_of_a_whole_file(file):
    whole, shallow = create(pretrained=file), create(pretrained=file, depth=3)
    image = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(shallow(image), whole(image)[:4])


@pytest.mark.parametrize("in_channels", [1, 3, 6, 15])
def test_a_constant_image_of_other_channels_gives_the_same_response(file, in_channels):
    rgb = create(pretrained=file)(torch.ones(1, 3, 64, 64))
    other = create(pretrained=file, in_channels=in_channels)(torch.ones(1, in_channels, 64, 64))
    torch.testing.assert_close(other[2:], rgb[2:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("in_channels", [4, 16])
def test_the_first_convolution_repeats_the_colours_in_turn(file, in_channels):
    rgb = create(pretrained=file).state_dict()[FIRST]
    other = create(pretrained=file, in_channels=in_channels).state_dict()[FIRST]
    turns = [i % 3 for i in range(in_channels)]
    torch.testing.assert_close(other, rgb[:, turns] * 3 / in_channels)


def test_a_file_of_as_many_channels_is_taken_as_it_is(tmp_path):
    saved = create(in_channels=4)
    torch.save(saved.state_dict(), tmp_path / "four.pth")
    assert torch.equal(
        create(in_channels=4, pretrained=tmp_path / "four.pth").state_dict()[FIRST], saved.state_dict()[FIRST]
    )


def test_a_file_of_another_size_is_refused_with_shapes(file):
    with pytest.raises(segzoo.CheckpointError, match=r"mit_b1.*\(32, 3, 7, 7\) instead of \(64, 3, 7, 7\), .* more"):
        create("mit_b1", pretrained=file)


def test_a_file_with_more_blocks_is_refused(tmp_path):
    torch.save(create("mit_b2").state_dict(), tmp_path / "b2.pth")
    with pytest.raises(segzoo.CheckpointError, match=r"has besides stages\.0\.blocks\.2"):
        create("mit_b1", pretrained=tmp_path / "b2.pth")


def test_a_file_of_another_architecture_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "linear.pth")
    with pytest.raises(segzoo.CheckpointError, match=r"lacks stages\.0\.patches\.projection\.weight"):
        create(pretrained=tmp_path / "linear.pth")


def test_a_file_with_missing_weights_is_refused(file, tmp_path):
    weights = load_file(file)
    del weights["encoder.block.1.0.mlp.dense1.bias"]
    save_file(weights, tmp_path / "part.safetensors")
    with pytest.raises(segzoo.CheckpointError, match=r"lacks stages\.1\.blocks\.0\.ffn\.expand\.bias"):
        create(pretrained=tmp_path / "part.safetensors")


def test_a_four_channel_file_for_three_channels_is_refused(tmp_path):
    torch.save(create(in_channels=4).state_dict(), tmp_path / "four.pth")
    with pytest.raises(segzoo.CheckpointError, match=r"\(32, 4, 7, 7\) instead of \(32, 3, 7, 7\)"):
        create(pretrained=tmp_path / "four.pth")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(segzoo.CheckpointError, match="no_such"):
        create(pretrained=tmp_path / "no_such.pth")


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(segzoo.CheckpointError, match="found none"):
        create(pretrained=tmp_path)


def test_a_folder_with_several_files_of_unusual_names_is_refused(tmp_path):
    for name in ("a.pth", "b.pth"):
        (tmp_path / name).touch()
    with pytest.raises(segzoo.CheckpointError, match=r"a\.pth, b\.pth; name the file"):
        create(pretrained=tmp_path)


@pytest.fixture
def hub(monkeypatch):
    """An empty cache, and a hub whose answer to each file name is a path or an error."""
    answers, asked = {}, []

    def answer(repository, file_name):
        asked.append((repository, file_name))
        if isinstance(answers[file_name], Exception):
            raise answers[file_name]
        return str(answers[file_name])

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", answer)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, file_name: None)
    return answers, asked


def test_published_weights_come_from_nvidia(hub, file, reference):
    answers, asked = hub
    answers["model.safetensors"] = file
    assert_same_maps(create(pretrained=True), reference, torch.randn(1, 3, 64, 64))
    assert asked == [("nvidia/mit-b0", "model.safetensors")]


def test_published_weights_may_be_a_torch_file(hub, file, reference, tmp_path):
    answers, _ = hub
    torch.save(load_file(file), tmp_path / "pytorch_model.bin")
    answers["model.safetensors"] = EntryNotFoundError("no such file in the repository")
    answers["pytorch_model.bin"] = tmp_path / "pytorch_model.bin"
    assert_same_maps(create(pretrained=True), reference, torch.randn(1, 3, 64, 64))


def test_cached_weights_need_no_network(hub, file, reference, monkeypatch):
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, file_name: str(file))
    assert_same_maps(create(pretrained=True), reference, torch.randn(1, 3, 64, 64))


@pytest.mark.parametrize("failure", [LocalEntryNotFoundError("offline"), ConnectionError("unreachable")])
def test_without_a_network_a_local_file_is_asked_for(hub, failure):
    answers, asked = hub
    answers["model.safetensors"] = failure
    with pytest.raises(segzoo.CheckpointError, match="give a local file") as caught:
        create(pretrained=True)
    assert caught.value.__cause__ is failure
    assert len(asked) == 1
