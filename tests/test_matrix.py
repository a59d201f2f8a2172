import json
import re

import pytest
import torch
from click.testing import CliRunner
from freshly import discover_anew
from synthetic_source import SyntheticSource

import segzoo
from segzoo.cli import main
from segzoo.host import sources
from segzoo.matrix import Fallback, check_pairs, smallest_of_each_family
from segzoo.matrix.page import page_of


class Sum(segzoo.Decoder):
    """Takes what there is, and wishes for dilation and the class token."""

    output_stride = 16
    prefix = "concat"

    def __init__(self, stages):
        super().__init__(stages, out_channels=4)
        self.laterals = torch.nn.ModuleList(torch.nn.Conv2d(channels, 4, 1) for channels in stages.channels)

    def forward(self, features):
        size = features[0].shape[-2:]
        return sum(segzoo.nn.resize(lateral(f), size) for lateral, f in zip(self.laterals, features, strict=True))


class Demanding(Sum):
    finest_stride = 128


class Failing(Sum):
    def forward(self, features):
        raise RuntimeError("out of luck")


class Careless(Sum):
    """Declares other channels than it returns."""

    def forward(self, features):
        return super().forward(features)[:, :3]


@pytest.fixture(autouse=True)
def zoo(monkeypatch):
    discover_anew(monkeypatch)
    segzoo.register(segzoo.EncoderSpec(name="synthetic", target=f"{SyntheticSource.__module__}:SyntheticSource"))
    for kind in (Sum, Demanding, Failing, Careless):
        segzoo.register(segzoo.DecoderSpec(name=kind.__name__.lower(), target=f"{__name__}:{kind.__name__}"))


def check(encoder, decoder, size=(97, 131)):
    (pair,) = check_pairs([encoder], [decoder], size=size, quiet=True).pairs
    return pair


def kinds(pair):
    return {fallback.kind for fallback in pair.fallbacks}


def run(*arguments):
    return CliRunner().invoke(main, ["matrix", "--workers", "1", *arguments])


def test_a_pair_that_fits_passes_without_help():
    pair = check("convolutional", "unet")
    assert (pair.outcome, pair.fallbacks, pair.reason) == ("pass", (), "")


def test_parameters_and_stages_are_those_of_the_plan():
    pair, plan = check("convolutional", "unet"), segzoo.plan("convolutional", "unet", classes=19)
    assert pair.parameters == plan.encoder.parameters + plan.decoder.parameters
    assert pair.stages == plan.rows


def test_granted_wishes_are_told():
    assert check("convolutional", "sum").granted == ("output stride 16",)
    assert check("plain", "sum").granted[-1] == "prefix='concat': the class token among the channels"


def test_a_wish_that_is_not_granted_is_a_fallback_with_its_reason():
    pair = check("pyramid", "sum")
    wishes = [fallback.detail for fallback in pair.fallbacks if fallback.kind == "wish"]
    assert wishes[0] == "wish output_stride=16 not granted: pyramid can't be dilated to stride 16"
    assert pair.notes == ()


def test_a_neck_is_a_fallback():
    assert Fallback("neck", "segzoo:simple_pyramid makes a pyramid") in check("plain", "unet").fallbacks


def test_padding_and_resizing_depend_on_the_size():
    assert Fallback("padding", "image padded to 128x160, logits cropped") in check("pyramid", "fpn").fallbacks
    assert kinds(check("pyramid", "fpn", size=(64, 96))) == set()
    assert "resizing" in kinds(check("plain", "segformer"))
    assert "resizing" not in kinds(check("plain", "segformer", size=(64, 64)))


def test_a_pair_that_can_t_agree_is_refused_with_the_reason():
    pair = check("convolutional", "demanding")
    assert pair.outcome == "refused"
    assert pair.reason.startswith("Demanding needs 1 stage(s) from stride 128 on")


def test_an_image_that_is_too_small_is_refused():
    pair = check("pyramid", "fpn", size=(8, 8))
    assert pair.outcome == "refused"
    assert "needs images of 16x16 pixels or more" in pair.reason


@pytest.mark.parametrize(
    ("encoder", "decoder", "reason"),
    [
        ("convolutional", "failing", "RuntimeError: out of luck"),
        ("convolutional", "careless", "declares features (B, 4, h, w)"),
        ("lying", "unet", "declared 41 channels"),
    ],
)
def test_a_pair_that_doesn_t_keep_its_word_is_broken(encoder, decoder, reason):
    pair = check(encoder, decoder)
    assert pair.outcome == "broken"
    assert reason in pair.reason


def test_the_pairs_stand_encoder_by_encoder():
    matrix = check_pairs(["plain", "convolutional"], ["unet", "sum", "fpn"], quiet=True)
    assert [(pair.encoder, pair.decoder) for pair in matrix.pairs] == [
        (encoder, decoder) for encoder in ["plain", "convolutional"] for decoder in ["unet", "sum", "fpn"]
    ]
    assert matrix.of_encoder(1) == matrix.pairs[3:]
    assert [checked.family for checked in matrix.encoders] == ["synthetic", "synthetic"]


def test_an_encoder_is_created_once_for_each_wish():
    source = sources.find_encoder("convolutional").source
    check_pairs(["convolutional"], ["unet", "fpn", "segformer", "sum"], quiet=True)
    requests = [(request.output_stride, request.prefix) for _, request in source.created]
    assert len(requests) == len(set(requests))
    assert source.create.__self__ is source


@pytest.mark.slow
def test_several_processes_find_what_one_finds():
    encoders, decoders = ["mit_b0", "mit_b1"], ["unet", "segformer"]
    alone = check_pairs(encoders, decoders, quiet=True)
    assert check_pairs(encoders, decoders, jobs=2, quiet=True) == alone
    assert {pair.outcome for pair in alone.pairs} == {"pass"}


def test_other_processes_don_t_know_what_was_registered_here():
    with pytest.raises(segzoo.OptionError, match=r"runtime:synthetic .* use jobs=1"):
        check_pairs(["convolutional", "plain"], ["unet"], jobs=2)


@pytest.mark.parametrize(
    "options",
    [{"jobs": 0}, {"size": (0, 5)}, {"decoders": []}, {"encoders": []}],
    ids=str,
)
def test_numbers_out_of_range_are_errors(options):
    with pytest.raises(segzoo.OptionError, match="expected encoders and decoders"):
        check_pairs(**{"encoders": ["plain"], "decoders": ["unet"], **options})


def test_an_unknown_name_is_an_error_at_once():
    with pytest.raises(segzoo.UnknownNameError, match="did you mean 'plain'"):
        check_pairs(["plane"], ["unet"])


def test_the_smallest_of_each_family_stands_for_it():
    assert smallest_of_each_family(["mit_b1", "convolutional", "mit_b0", "own_finest"], quiet=True) == [
        "mit_b0",
        "convolutional",
    ]


def test_a_matrix_as_json_is_complete(tmp_path):
    matrix = check_pairs(["plain"], ["unet", "demanding"], quiet=True)
    matrix.save_json(tmp_path / "matrix.json")
    plain = json.loads((tmp_path / "matrix.json").read_text())
    assert plain["size"] == [97, 131]
    assert plain["versions"]["segzoo"] == segzoo.__version__
    assert [pair["outcome"] for pair in plain["pairs"]] == ["pass", "refused"]
    assert plain["pairs"][0]["stages"][-1]["origin"] == "neck"


def test_the_page_holds_every_pair_and_needs_no_other_file():
    matrix = check_pairs(["plain", "convolutional"], ["unet", "demanding"], quiet=True)
    page = page_of(matrix.to_dict())
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert [[cell[0] for cell in encoder[3]] for encoder in data["encoders"]] == [["pass", "refused"]] * 2
    assert not re.findall(r"""(?:src|href)\s*=|url\(|@import|https?://""", page)


def test_a_text_can_t_end_the_page_s_script(monkeypatch):
    monkeypatch.setattr(Failing, "forward", lambda self, features: int("</script><b>"))
    page = page_of(check_pairs(["plain"], ["failing"], quiet=True).to_dict())
    assert page.count("</script>") == 2
    assert "\\u003c/script>" in page


def test_the_command_writes_the_page_and_sums_up(tmp_path):
    html_path = tmp_path / "m.html"
    result = run("--encoder", "pl*n,mit_b0", "--decoder", "unet", "--size", "64", "--html", str(html_path))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == (
        "2 of 2 pairs pass at 64x64: 1 as they are, 1 with help; 0 refused, 0 broken"
    )
    assert html_path.read_text().startswith("<!doctype html>")


def test_the_command_prints_json():
    found = json.loads(run("--encoder", "plain", "--decoder", "unet", "--json").stdout)
    assert found["decoders"] == ["unet"]


def test_the_command_takes_the_smallest_of_each_family():
    result = run("--encoder", "mit*,own_finest", "--decoder", "fpn", "--smallest")
    assert [line.split()[0] for line in result.stdout.splitlines()[2:4]] == ["mit_b0", "own_finest"]


def test_broken_pairs_fail_the_command_and_refused_ones_don_t():
    assert run("--encoder", "plain", "--decoder", "demanding").exit_code == 0
    result = run("--encoder", "plain,convolutional", "--decoder", "failing")
    assert result.exit_code == 1
    assert "broken: plain + failing, convolutional + failing: RuntimeError: out of luck\n" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--encoder", "plane"], "there is no encoder 'plane' (did you mean 'plain'?)"),
        (["--encoder", "nothing*"], "no encoder matches 'nothing*'; `segzoo encoders` lists all"),
        (["--encoder", "plain", "--decoder", "unnet"], "there is no decoder 'unnet' (did you mean 'unet'"),
        (["--encoder", "plain", "--html", "nowhere/page.html"], "can't write to nowhere/page.html: No such file"),
    ],
)
def test_bad_input_is_one_line_before_any_work(monkeypatch, arguments, message):
    monkeypatch.setattr("segzoo.matrix.check_pairs", lambda *given, **options: pytest.fail("work was begun"))
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {message}")
    assert result.stderr.count("\n") == 1
