"""Somebody else's checkpoint through an importer: here one that is made for this test."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from freshly import discover_anew
from published import image, small_model

import segzoo
from segzoo.cli import main
from segzoo.host import registry

LABELS = {"logits": segzoo.Labels(("road", "sky", "tree"))}
PREPROCESSING = segzoo.Preprocessing((0.1, 0.1, 0.1), (0.2, 0.2, 0.2))


class PeerImporter(segzoo.Importer):
    """Reads what `write_peer` writes."""

    def recognises(self, checkpoint: segzoo.Checkpoint) -> bool:
        return checkpoint.config.get("peer") == "yes" or checkpoint.arguments.get("peer") == "yes"

    def read(self, checkpoint: segzoo.Checkpoint) -> segzoo.Imported:
        return segzoo.Imported(
            arguments={
                "encoder": "test_resnet",
                "decoder": "segformer",
                "classes": checkpoint.config.get("classes", 3),
                "decoder_options": {"width": 8},
            },
            weights=segzoo.rename_weights(checkpoint.weights, {"their": ""}),
            preprocessing=PREPROCESSING,
            labels=LABELS,
            notes=("positions differ",),
            losses=("the second head was left out",) if checkpoint.config.get("second") else (),
        )


class Failing(PeerImporter):
    def recognises(self, checkpoint: segzoo.Checkpoint) -> bool:
        raise ZeroDivisionError("in recognises")

    def read(self, checkpoint: segzoo.Checkpoint) -> segzoo.Imported:
        raise ZeroDivisionError("in read")


class Careless(PeerImporter):
    def read(self, checkpoint: segzoo.Checkpoint) -> Any:
        return dict(checkpoint.weights)


class NoImporter:
    pass


def write_peer(folder: Path, model: segzoo.SegmentationModel, **config: Any) -> Path:
    folder.mkdir()
    weights = {f"their.{name}": tensor for name, tensor in model.state_dict().items()}
    safetensors.torch.save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"peer": "yes"} | config))
    return folder


@pytest.fixture(autouse=True)
def importer(monkeypatch: pytest.MonkeyPatch) -> None:
    discover_anew(monkeypatch)
    register("PeerImporter")


def register(name: str) -> None:
    segzoo.register(segzoo.ImporterSpec(name=name.lower(), target=f"test_importing:{name}"))


@pytest.fixture
def theirs(tmp_path: Path, model: segzoo.SegmentationModel) -> Path:
    return write_peer(tmp_path / "theirs", model)


def test_a_recognised_folder_is_imported(theirs: Path, model: segzoo.SegmentationModel) -> None:
    loaded = segzoo.from_pretrained(theirs)
    assert torch.equal(loaded(image()), model(image()))
    assert not loaded.training
    assert (loaded.preprocessing, loaded.labels) == (PREPROCESSING, LABELS)
    assert "note: positions differ" in str(loaded.plan)


def test_the_checkpoint_s_former_name_is_kept() -> None:
    assert segzoo.Source is segzoo.Checkpoint


def test_what_an_import_leaves_out_is_a_warning_and_a_note(tmp_path: Path, model: segzoo.SegmentationModel) -> None:
    with pytest.warns(segzoo.CheckpointWarning, match="theirs': the second head was left out"):
        loaded = segzoo.from_pretrained(write_peer(tmp_path / "theirs", model, second=True))
    assert loaded.plan.notes[-1] == "the second head was left out"


def test_the_user_names_a_prefix(tmp_path: Path, model: segzoo.SegmentationModel) -> None:
    weights = {f"{who}.their.{name}": each for who in ("student", "ours") for name, each in model.state_dict().items()}
    torch.save(weights, tmp_path / "both.pth")
    arguments = {"peer": "yes", "prefix": "ours"}
    assert torch.equal(segzoo.from_pretrained(tmp_path / "both.pth", arguments=arguments)(image()), model(image()))
    with pytest.raises(segzoo.CheckpointError, match=r"no weight's name begins with 'mine\.', but such as 'student"):
        segzoo.from_pretrained(tmp_path / "both.pth", arguments=arguments | {"prefix": "mine."})


def test_a_file_is_imported_with_what_the_user_says_of_it(theirs: Path, model: segzoo.SegmentationModel) -> None:
    loaded = segzoo.from_pretrained(theirs / "model.safetensors", arguments={"peer": "yes"})
    assert torch.equal(loaded(image()), model(image()))


def test_a_file_is_imported_by_the_importer_that_is_named(theirs: Path) -> None:
    segzoo.from_pretrained(theirs / "model.safetensors", importer="peerimporter")


def test_an_importer_that_does_not_exist(theirs: Path) -> None:
    with pytest.raises(segzoo.UnknownNameError, match=r"no importer 'peerimporte' .did you mean 'peerimporter'"):
        segzoo.from_pretrained(theirs, importer="peerimporte")


def test_what_nobody_recognises(theirs: Path) -> None:
    with pytest.raises(segzoo.CheckpointError, match=r"no importer recognises it \(.*peerimporter\).*importer=NAME"):
        segzoo.from_pretrained(theirs / "model.safetensors")


def test_other_classes_of_what_was_imported(theirs: Path) -> None:
    with pytest.warns(segzoo.CheckpointWarning, match="head.classifiers.logits.conv.weight"):
        loaded = segzoo.from_pretrained(theirs, classes=5)
    assert loaded(image()).shape[1] == 5
    assert loaded.labels == {}


def test_what_does_not_fit_is_named(tmp_path: Path, model: segzoo.SegmentationModel) -> None:
    theirs = write_peer(tmp_path / "theirs", model, classes=4)
    with pytest.raises(segzoo.CheckpointError, match=r"head.classifiers.logits.conv.weight \(3, 8, 1, 1\) in place"):
        segzoo.from_pretrained(theirs)


def test_an_importer_that_fails_while_it_looks_is_passed_over(theirs: Path) -> None:
    registry._zoo().provided.clear()
    register("Failing")
    with (
        pytest.warns(segzoo.host.discovery.PluginWarning, match="runtime:failing .*ZeroDivisionError: in recognises"),
        pytest.raises(segzoo.CheckpointError, match="no importer recognises it"),
    ):
        segzoo.from_pretrained(theirs)


@pytest.mark.parametrize(
    ("name", "told"),
    [("Failing", "ZeroDivisionError: in read"), ("Careless", "it returned dict, expected segzoo.Imported")],
)
def test_an_importer_that_fails_is_named(name: str, told: str, theirs: Path) -> None:
    register(name)
    with pytest.raises(segzoo.CheckpointError, match=f"importer runtime:{name.lower()} runtime failed .*{told}"):
        segzoo.from_pretrained(theirs, importer=name.lower())


def test_a_class_that_is_no_importer(theirs: Path) -> None:
    register("NoImporter")
    with pytest.raises(segzoo.PluginError, match=r"is no segzoo.Importer"):
        segzoo.from_pretrained(theirs, importer="noimporter")


def test_what_was_imported_cannot_be_verified(theirs: Path) -> None:
    with pytest.raises(segzoo.OptionError, match="verify=True needs a model that segzoo saved"):
        segzoo.from_pretrained(theirs, verify=True)


def test_the_command_writes_a_folder_of_segzoos(theirs: Path, tmp_path: Path, model: segzoo.SegmentationModel) -> None:
    result = CliRunner().invoke(main, ["import", str(theirs), str(tmp_path / "ours")])
    assert result.exit_code == 0, result.output
    assert "positions differ" in result.stdout
    loaded = segzoo.from_pretrained(tmp_path / "ours", verify=True)
    assert torch.equal(loaded(image()), model(image()))
    assert (loaded.preprocessing, loaded.labels) == (PREPROCESSING, LABELS)


def test_the_command_takes_arguments(theirs: Path, tmp_path: Path) -> None:
    file, ours = str(theirs / "model.safetensors"), str(tmp_path / "ours")
    assert CliRunner().invoke(main, ["import", file, ours]).exit_code == 1
    arguments = ["import", file, ours, "--importer", "peerimporter", "--option", "peer=yes"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    segzoo.from_pretrained(ours)


def test_a_model_of_named_heads_is_refused_other_heads(theirs: Path) -> None:
    with pytest.raises(segzoo.OptionError, match="the model has one head"):
        segzoo.from_pretrained(theirs, classes={"mask": 3})
    assert small_model(heads={"mask": 3}).head.classes.named
