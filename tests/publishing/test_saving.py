from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch
import torch
from published import image, small_model
from synthetic import synthetic
from torch import nn

import segzoo
from segzoo.publishing import behaviour


def refused(model: segzoo.SegmentationModel, folder: Path, told: str) -> None:
    with pytest.raises(segzoo.CheckpointError, match=told):
        model.save_pretrained(folder / "model")
    assert not list(folder.iterdir())


class ByHand(segzoo.Decoder):
    def __init__(self, stages: segzoo.FeatureSpec) -> None:
        super().__init__(stages, out_channels=stages.channels[-1])

    def forward(self, features: list[torch.Tensor]) -> torch.Tensor:
        return features[-1]


def test_a_decoder_that_no_plugin_provides_is_refused(tmp_path: Path) -> None:
    model = segzoo.create_model("test_resnet", ByHand, classes=3)
    refused(model, tmp_path, r"decoder test_saving.ByHand .*`segzoo new decoder NAME` .*segzoo.register it")


def test_an_encoder_that_no_plugin_provides_is_refused(tmp_path: Path) -> None:
    model = segzoo.create_model(synthetic("resnet"), "segformer", classes=3)
    refused(
        model,
        tmp_path,
        r"encoder \S+ was given as .* no plugin provides.*`segzoo new encoder NAME`",
    )


def test_a_model_without_weights_is_refused(tmp_path: Path) -> None:
    with torch.device("meta"):
        model = small_model()
    refused(model, tmp_path, "on a device other than meta")


def test_a_module_that_was_exchanged_is_refused(tmp_path: Path) -> None:
    model = small_model()
    model.decoder.insert = nn.Linear(3, 3)
    refused(model, tmp_path, r"decoder.insert \(Linear\).*`segzoo new decoder NAME`")


def test_an_activation_that_was_exchanged_is_refused(tmp_path: Path) -> None:
    model = small_model()
    name = next(name for name, module in model.named_modules() if isinstance(module, nn.ReLU))
    model.set_submodule(name, nn.GELU())
    refused(model, tmp_path, rf"{name} \(GELU\)")


def test_a_weight_of_another_shape_is_refused(tmp_path: Path) -> None:
    model = small_model()
    model.head.classifiers["logits"].conv = nn.Conv2d(8, 4, 1)
    refused(model, tmp_path, "head.classifiers.logits.conv.bias, head.classifiers.logits.conv.weight")


def test_a_batch_norm_across_processes_is_saved_as_one_of_its_own(tmp_path: Path) -> None:
    model = nn.SyncBatchNorm.convert_sync_batchnorm(small_model())
    assert any(isinstance(module, nn.SyncBatchNorm) for module in model.modules())
    model.save_pretrained(tmp_path)
    assert torch.equal(segzoo.from_pretrained(tmp_path)(image()), model(image()))


def test_options_that_are_no_plain_data_are_refused(tmp_path: Path) -> None:
    model = small_model(encoder_options={"norm_layer": nn.BatchNorm2d})
    refused(model, tmp_path, "options can't be written as JSON")


def test_an_encoder_that_is_an_address_is_refused(tmp_path: Path) -> None:
    model = small_model()
    address = "segzoo:timm/hf-hub:user/name"
    model.plan = replace(model.plan, encoder=replace(model.plan.encoder, id=address))
    model.config = {**model.config, "encoder": address}
    refused(model, tmp_path, "is no canonical id")


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (segzoo.Labels(("road", "sky")), "has 3 classes and got 2 names"),
        (segzoo.Labels(palette=((0, 0, 0),)), "got 1 colours"),
        ({"mask": segzoo.Labels()}, "labels are for heads logits; got some for 'mask'"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: segzoo.Labels, told: str, tmp_path: Path) -> None:
    with pytest.raises(segzoo.OptionError, match=told):
        small_model().save_pretrained(tmp_path, labels=labels)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"metrics": ["mIoU"]}, r"metrics are names and numbers, such as .*, got \["),
        ({"metrics": {"mIoU": "45.6"}}, "metrics are names and numbers"),
        ({"labels": ["road", "sky", "tree"]}, "labels are segzoo.Labels"),
        ({"labels": {"logits": ["road", "sky", "tree"]}}, "labels are segzoo.Labels"),
        ({"dataset": ["user/streets"]}, "dataset is a string"),
        ({"license": 2}, "license is a string"),
    ],
)
def test_what_is_said_of_a_model_has_its_types(given: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(segzoo.OptionError, match=told):
        small_model().save_pretrained(tmp_path / "model", **given)
    assert not list(tmp_path.iterdir())


def test_a_preprocessing_of_ones_own_is_refused(tmp_path: Path) -> None:
    model = small_model()
    model.preprocessing = torch.nn.Identity()  # type: ignore[assignment]
    refused(model, tmp_path, "model.preprocessing is a segzoo.Preprocessing, got Identity")


def test_labels_of_the_model_are_saved(tmp_path: Path) -> None:
    model = small_model(heads={"mask": 2, "edge": 1})
    model.labels = {"mask": segzoo.Labels(("road", "sky"))}
    model.save_pretrained(tmp_path)
    assert segzoo.from_pretrained(tmp_path).labels == model.labels


def test_a_disk_that_is_full_leaves_the_old_model(
    model: segzoo.SegmentationModel, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise safetensors.SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    before = segzoo.from_pretrained(folder)(image())
    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(segzoo.CheckpointError, match="No space left"):
        small_model().save_pretrained(folder)
    assert torch.equal(segzoo.from_pretrained(folder)(image()), before)


def test_a_model_that_does_not_run_here_is_saved_without_its_behaviour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(model: segzoo.SegmentationModel) -> None:
        raise RuntimeError("needs a GPU")

    with monkeypatch.context() as patch:
        patch.setattr(behaviour, "measure", fail)
        with pytest.warns(segzoo.CheckpointWarning, match="without a record .*needs a GPU"):
            small_model().save_pretrained(tmp_path)
    with pytest.raises(segzoo.CheckpointError, match="no record of the model's behaviour"):
        segzoo.from_pretrained(tmp_path, verify=True)
    segzoo.from_pretrained(tmp_path)


def test_everyone_may_read_what_the_folder_lets_them(pristine: Path) -> None:
    modes = {file.stat().st_mode for file in pristine.iterdir()}
    assert len(modes) == 1


def test_the_card_tells_what_the_model_is(tmp_path: Path) -> None:
    from huggingface_hub import ModelCard

    small_model().save_pretrained(
        tmp_path,
        labels=segzoo.Labels(("road", "sky", "tree")),
        metrics={"mIoU": 45.612345, "images": 20210},
        dataset="user/streets",
        license="apache-2.0",
    )
    card = ModelCard.load(tmp_path / "README.md")
    assert (card.data.library_name, card.data.license, card.data.datasets) == ("segzoo", "apache-2.0", ["user/streets"])
    for told in (
        "road, sky, tree",
        "| mIoU | 45.61 |",
        "| images | 20,210 |",
        "segzoo.from_pretrained(",
        "stride",
        "parameters in all",
    ):
        assert told in card.text
    assert "Code of the decoder, segzoo:segformer of segzoo" in card.text
    assert "```sh\npip install segzoo-torch\n```" in card.text


@pytest.mark.parametrize(("began", "told"), [(True, True), (None, True), (False, False)])
def test_the_card_names_the_licence_of_published_weights_unless_they_were_not_used(
    tmp_path: Path, began: bool | None, told: bool
) -> None:
    model = small_model("mit_b0")
    assert model.from_published is False
    model.from_published = began
    model.save_pretrained(tmp_path)
    assert ("The weights published for the encoder: " in (tmp_path / "README.md").read_text()) is told


def test_a_type_that_could_not_be_loaded_is_refused(tmp_path: Path) -> None:
    refused(small_model().to(torch.float8_e4m3fn), tmp_path, "is of type F8_E4M3; known are F64, F32")
