"""A decoder around a decoder: planned, built, saved and trained as one."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from freshly import discover_anew
from synthetic import synthetic
from throwaway import decoder, provides, write_distribution
from torch import nn

import segzoo
from segzoo.cli import main
from segzoo.options import Places, Values

SMALL = {"inner_options": {"width": 32, "pyramid_width": 16}}


class Around(segzoo.Refiner):
    """Classifies what the inner decoder makes, and adds a constant."""

    def __init__(
        self,
        stages,
        classes,
        inner: str = "fpn",
        inner_options: Values | None = None,
        inner_stages: Places | None = None,
    ):
        super().__init__(stages, classes, inner, inner_options, inner_stages)
        self.classify = nn.Conv2d(self.inner.out_channels, classes, 1)

    def forward(self, features):
        return self.classify(self.inner_features(features)) + 1


class Beside(Around):
    """Looks at the finest entry too."""

    @classmethod
    def beside(cls, offer, taken, **options):
        return {0: "seen"}


def plan(inner, encoder="resnet", kind=Around, **options):
    return segzoo.plan(synthetic(encoder), kind, decoder_options={"inner": inner, **options})


@pytest.mark.parametrize("inner", ["fpn", "unet", "lightham", "deeplabv3plus"])
@pytest.mark.parametrize("encoder", ["resnet", "plain_vit", "mit"])
def test_the_inner_decoder_gets_what_it_would_get_alone(inner, encoder):
    around, alone = plan(inner, encoder), segzoo.plan(synthetic(encoder), inner)
    assert (around.stages, around.roles, around.request) == (alone.stages, alone.roles, alone.request)
    assert (around.neck, around.refusals) == (alone.neck, alone.refusals)
    assert around.inner == alone.decoder


def test_the_inner_decoder_gets_its_own_stages_among_others():
    model = segzoo.create_model(synthetic(), Beside, classes=2, decoder_options={"inner": "lightham"})
    assert (model.plan.stages, model.plan.roles[0]) == ((0, 3, 4, 5), "seen")
    assert model.decoder.inner.stages.strides == (8, 16, 32)
    assert model(torch.rand(2, 3, 40, 56)).shape == (2, 2, 40, 56)


def test_its_stages_may_be_placeholders_that_the_inner_decoder_takes_none_of():
    class OfTheSecond(Around):
        @classmethod
        def beside(cls, offer, taken, **options):
            return {1: "size"}

    assert plan("fpn", "mit", OfTheSecond).stages == (1, 2, 3, 4, 5)


class Odd(segzoo.Decoder):
    """What the tests say."""

    selection: segzoo.Selection

    def __init__(self, stages, width: int | None = None):
        super().__init__(stages, out_channels=width)
        self.conv = nn.Conv2d(stages.channels[-1], width, 1)

    @classmethod
    def negotiate(cls, offer, **options):
        return cls.selection

    def forward(self, features):
        return self.conv(features[-1])


@pytest.fixture
def odd(monkeypatch):
    discover_anew(monkeypatch)  # so that it is gone afterwards
    segzoo.register(segzoo.DecoderSpec(name="odd", target=f"{__name__}:Odd"))
    return lambda selection: monkeypatch.setattr(Odd, "selection", selection, raising=False)


def test_options_that_the_inner_decoder_settles_with_the_encoder_stand_in_the_plan(odd):
    odd(segzoo.Selection((5,), options={"width": 40}))
    settled = {"inner": "runtime:odd", "inner_options": {"width": 40}, "inner_stages": [0]}
    assert plan("odd").decoder_options == settled


def test_an_inner_decoder_that_drives_the_encoder_is_refused(odd):
    odd(segzoo.Selection((5,), tokens=2))
    with pytest.raises(segzoo.OptionError, match="inner decoder runtime:odd drives the encoder's last blocks"):
        plan("odd")


def test_an_inner_decoder_that_answers_nonsense_breaks_the_contract(odd):
    odd((5,))
    with pytest.raises(segzoo.ContractError, match=r"runtime:odd was offered 6 entries and answered \(5,\)"):
        plan("odd")


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"inner": "mask2former"}, segzoo.OptionError, "emits features, and segzoo:mask2former emits queries"),
        ({"inner": "ocrnet"}, segzoo.OptionError, "segzoo:ocrnet emits logits"),
        ({"inner": "pointrend"}, segzoo.OptionError, "segzoo:pointrend refines another one itself"),
        ({"inner": "fpnn"}, segzoo.UnknownNameError, "no decoder 'fpnn' .did you mean 'fpn'"),
        ({"inner_options": {"widht": 8}}, segzoo.OptionError, "inner decoder segzoo:fpn has no option 'widht'"),
        ({"inner_options": {"width": 8}}, segzoo.OptionError, "inner decoder segzoo:fpn needs width as a multiple"),
    ],
)
def test_an_inner_decoder_that_won_t_do_is_refused_before_any_decoder_is_built(options, error, told, monkeypatch):
    monkeypatch.setattr(segzoo.Decoder, "__init__", None)
    with pytest.raises(error, match=told):
        plan(**{"inner": "fpn", **options})


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"inner": 3}, "needs inner as a text, got 3"),
        ({"inner_options": [8]}, "needs inner_options as names and values, or None"),
        ({"inner_stages": [-1]}, "needs inner_stages as a list of 1 to 64 whole numbers from 0 to 63, or None"),
    ],
)
def test_what_names_it_is_an_option_like_others(options, told):
    with pytest.raises(segzoo.OptionError, match=told):
        plan(**{"inner": "fpn", **options})


def test_the_plan_names_both():
    found = plan("fpn", **SMALL)
    first, *_, last = str(found).splitlines()
    assert first.endswith("Around around segzoo:fpn")
    assert last.endswith(f"{found.inner.parameters / 1e6:.2f} M of them the inner decoder's")
    assert found.inner.parameters < found.decoder.parameters
    assert segzoo.Plan.from_dict(found.to_dict()).inner == found.inner


def test_training_reaches_the_inner_decoder(monkeypatch):
    told = []
    fpn = type(segzoo.create_model(synthetic(), "fpn", classes=2).decoder)
    monkeypatch.setattr(fpn, "anneal", lambda self, progress: told.append(progress))
    monkeypatch.setattr(fpn, "no_weight_decay", lambda self: {"laterals.0.weight"})
    model = segzoo.create_model(synthetic(), Around, classes=2, decoder_options=SMALL)
    model.decoder.anneal(0.5)
    assert told == [0.5]
    assert "decoder.inner.laterals.0.weight" in model.no_weight_decay()
    groups = model.parameter_groups(1e-3)
    undecayed = [each for group in groups if not group["weight_decay"] for each in group["params"]]
    assert any(each is model.decoder.inner.laterals[0].weight for each in undecayed)


def saved(folder: Path, **options: object) -> segzoo.SegmentationModel:
    model = segzoo.create_model("test_resnet", "pointrend", classes=2, decoder_options=options).eval()
    model.save_pretrained(folder)
    return model


def test_it_saves_and_loads(tmp_path):
    model, image = saved(tmp_path / "model", **SMALL), torch.rand(1, 3, 79, 65)
    loaded = segzoo.from_pretrained(tmp_path / "model", verify=True)
    assert torch.equal(loaded(image), model(image))
    assert loaded.plan.inner == model.plan.inner
    assert "Code of the inner decoder, segzoo:fpn" in (tmp_path / "model" / "README.md").read_text()
    assert segzoo.create_model(**loaded.config).plan == model.plan


def test_other_classes_begin_anew(tmp_path):
    saved(tmp_path / "model", **SMALL)
    with pytest.warns(segzoo.CheckpointWarning, match="initialised anew"):
        loaded = segzoo.from_pretrained(tmp_path / "model", classes=5)
    assert loaded(torch.rand(1, 3, 64, 64)).shape[1] == 5


INNER = """
import segzoo
from torch import nn

class OCR(segzoo.Decoder):
    finest_stride = 4

    def __init__(self, stages):
        super().__init__(stages, out_channels=8)
        self.conv = nn.Conv2d(stages.channels[0], 8, 1)

    @classmethod
    def negotiate(cls, offer, **options):
        return segzoo.Selection(super().negotiate(offer).stages[:1])

    def forward(self, features):
        return self.conv(features[0])
"""


def test_a_missing_plugin_of_the_inner_decoder_is_named(path, monkeypatch):
    source = provides("decoders", decoder("ocr", "segzoo_ocr_decoder:OCR"))
    write_distribution(path, "segzoo-ocr", source, version="1.2")
    (path / "segzoo_ocr_decoder.py").write_text(INNER)
    saved(path / "model", inner="ocr")
    assert segzoo.from_pretrained(path / "model").plan.inner.id == "segzoo-ocr:ocr"
    for file in (path / "segzoo_ocr-1.2.dist-info").iterdir():
        file.unlink()
    (path / "segzoo_ocr-1.2.dist-info").rmdir()
    discover_anew(monkeypatch)
    with pytest.raises(segzoo.PluginError, match=r"needs inner decoder segzoo-ocr:ocr .saved with segzoo-ocr 1\.2"):
        segzoo.from_pretrained(path / "model")


def test_a_folder_whose_plan_and_options_name_different_inner_decoders_is_refused(tmp_path):
    saved(tmp_path / "model", **SMALL)
    file = tmp_path / "model" / "config.json"
    content = json.loads(file.read_text())
    content["plan"]["inner"]["id"] = "segzoo:unet"
    file.write_text(json.dumps(content))
    with pytest.raises(segzoo.CheckpointError, match="contradict each other"):
        segzoo.from_pretrained(tmp_path / "model")


def test_the_commands_show_it():
    options = ["--decoder-option", 'inner_options={"width": 64}', "--decoder-option", "inner=fpn"]
    shown = CliRunner().invoke(main, ["plan", "test_resnet", "pointrend", *options])
    assert "pointrend around segzoo:fpn" in shown.output
    listed = CliRunner().invoke(main, ["decoders", "pointrend"])
    assert "inner_options: names and values, or None" in listed.output
