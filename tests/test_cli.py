import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from freshly import discover_anew
from synthetic_source import SyntheticSource
from throwaway import IMPORT_RAISES, decoders, write_distribution

import segzoo
from segzoo.cli import COMMANDS, main

pytestmark = pytest.mark.filterwarnings("default::segzoo.host.discovery.PluginWarning")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    assert run(command, "--help").exit_code == 0
    assert f"  {command} " in run("--help").stdout


def test_an_unknown_command_is_an_error() -> None:
    assert run("encodres").exit_code == 2


@pytest.mark.parametrize("command", [(), ("plugins",), ("data",)])
def test_what_a_command_does_fits_into_a_line(command: tuple[str, ...]) -> None:
    commands = run(*command, "--help").stdout.partition("Commands:\n")[2]
    assert commands
    assert "..." not in commands


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout == f"segzoo, version {segzoo.__version__}\n"


def test_decoders_are_listed_with_a_count() -> None:
    lines = run("decoders").stdout.splitlines()
    assert any(line.startswith("unet ") and "grows stage by stage" in line for line in lines)
    assert lines[-1] == f"{len(segzoo.list_decoders())} decoders"


def test_decoders_as_json() -> None:
    rows = json.loads(run("decoders", "--json").stdout)
    assert [row["name"] for row in rows] == segzoo.list_decoders()


def test_decoders_by_pattern() -> None:
    rows = json.loads(run("decoders", "UNE?", "--json").stdout)
    assert [row["name"] for row in rows] == ["unet"]
    assert rows[0]["from"] == f"segzoo-torch {segzoo.__version__}"


def test_a_decoder_by_name_shows_its_options_with_ranges_defaults_and_meanings() -> None:
    shown = run("decoders", "fpn").stdout
    assert "width: a multiple of 32 from 32 to 65536; default 128\n    channels of the upsampled levels" in shown
    assert "merge: 'add' or 'cat'; default 'add'" in shown


def test_a_decoder_by_name_shows_its_paper_and_the_stages_that_it_takes() -> None:
    shown = run("decoders", "fpn").stdout
    assert "paper   arXiv:1901.02446" in shown
    assert "resnet50              strides 4 8 16 32 (lateral)" in shown
    assert "strides 16 16 16 16 (lateral); wishes: a pyramid" in " ".join(shown.split())


def test_a_decoder_by_name_shows_what_it_is_good_for() -> None:
    assert "good for A first choice" in run("decoders", "unet").stdout


def test_a_decoder_that_can_t_take_a_pyramid_says_so_and_has_another_example() -> None:
    shown = run("decoders", "eomt").stdout
    assert "resnet50              refused: " in shown
    assert "segzoo plan vit_small_patch16_224 eomt" in shown


@pytest.mark.parametrize("name", segzoo.list_decoders("u*"))
def test_the_example_of_a_decoder_works(name: str) -> None:
    command, code = (line.strip() for line in run("decoders", name).stdout.splitlines()[-2:])
    assert run(*command.split()[1:]).exit_code == 0
    assert eval(code.replace("create_model", "plan"), {"segzoo": segzoo}).decoder.id == f"segzoo:{name}"


def test_a_decoder_by_name_as_json_has_the_schema_of_each_option() -> None:
    (row,) = json.loads(run("decoders", "fpn", "--json").stdout)
    options = {option["name"]: option for option in row["options"]}
    assert options["dropout"]["default"] == 0.2
    assert options["dropout"]["schema"] == {"type": "number", "minimum": 0, "exclusiveMaximum": 1}


@pytest.mark.parametrize("command", ["decoders", "encoders"])
def test_a_pattern_without_match_is_an_error(command: str) -> None:
    result = run(command, "nothing*")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: no {command[:-1]} matches 'nothing*'; `segzoo {command}` lists all\n"


@pytest.mark.parametrize(
    ("arguments", "near"),
    [(["decoders", "unett"], "'unet'"), (["encoders", "resnet5"], "'resnet50'"), (["encoders", "dinov2"], "_dinov2'")],
    ids=" ".join,
)
def test_an_unknown_name_is_an_error_with_near_ones(arguments: list[str], near: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "did you mean" in result.stderr
    assert near in result.stderr


def test_encoders_show_source_and_licence_of_the_weights() -> None:
    (row,) = json.loads(run("encoders", "mit_b0", "--json").stdout)
    assert (row["name"], row["source"], row["family"]) == ("mit_b0", "segzoo:mit", "mit")
    assert "non-commercial" in row["weights"][0]["license"]


def test_encoders_are_counted() -> None:
    assert run("encoders", "mit_b?").stdout.endswith("\n6 encoders\n")


@pytest.fixture
def synthetic_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    """The encoders of `SyntheticSource`, under its own licences."""
    discover_anew(monkeypatch)
    target = f"{SyntheticSource.__module__}:SyntheticSource"
    segzoo.register(segzoo.EncoderSpec(name="made", target=target, license="BSD-3-Clause", weights_license="CC0-1.0"))


MADE = ("convolutional", "pyramid", "plain", "own_finest")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["convolutional", "own_finest", "plain", "pyramid"]),
        (["--stride", "4"], ["convolutional", "own_finest", "pyramid"]),
        (["--stride", "4", "--stride", "2"], ["convolutional", "own_finest"]),
        (["--dilates", "8"], ["convolutional"]),
        (["--any-size"], ["convolutional", "own_finest"]),
        (["--class-token"], ["plain"]),
        (["--license", "bsd"], ["convolutional", "own_finest", "plain", "pyramid"]),
        (["--license", "gpl"], []),
        (["--weights-license", "cc0"], ["convolutional", "own_finest", "plain", "pyramid"]),
        (["--weights-license", "bsd"], []),
        (["--max-params", "450"], ["pyramid"]),
        (["--min-params", "0.5K"], ["own_finest", "plain"]),
        (["--min-params", "4.5e2", "--max-params", "0.0005M", "--any-size"], ["convolutional"]),
    ],
    ids=" ".join,
)
def test_encoders_are_narrowed_down(synthetic_encoders: None, options: list[str], expected: list[str]) -> None:
    result = run("encoders", "runtime:*", *options, "--sort", "name", "--json")
    assert [row["name"] for row in json.loads(result.stdout)] == expected


def test_encoders_are_sorted_by_parameters(synthetic_encoders: None) -> None:
    rows = json.loads(run("encoders", "runtime:*", "--sort", "params", "--json").stdout)
    assert [row["parameters"] for row in rows] == sorted(row["parameters"] for row in rows)
    assert len(rows) == len(MADE)


def test_an_encoder_that_fails_is_left_out_with_a_warning(synthetic_encoders: None) -> None:
    result = run("encoders", "runtime:*")
    assert result.stderr.startswith("Warning: lying is left out: ContractError: encoder lying, stage 5: declared 41")
    assert result.stdout.endswith("\n4 encoders\n")


def test_a_table_of_encoders_shows_what_matters_to_a_person_choosing(synthetic_encoders: None) -> None:
    lines = [re.split(r"  +", line.strip()) for line in run("encoders", "pl*n").stdout.splitlines()]
    assert dict(zip(lines[0], lines[2], strict=True)) == {
        "name": "plain",
        "params": "0.0005120 M",
        "stride": "16",
        "image": "64x64",
        "weights": "CC0-1.0",
    }


@pytest.mark.parametrize("name", ["plain", "PLAIN", "made/plain", "runtime:made/plain"])
def test_a_name_shows_one_encoder_in_full(synthetic_encoders: None, name: str) -> None:
    result = run("encoders", name)
    assert result.stdout.splitlines()[0] == f"{name.replace('PLAIN', 'plain')}, from runtime:made runtime"
    for line in [
        "    2        16          32  native",
        "    1         2           0  placeholder",
        "    0         1           3  image",
        "image        any size, resized to 64x64 for the encoder and its maps back",
        "class token  yes",
        "code         BSD-3-Clause",
        "weights      CC0-1.0",
    ]:
        assert line in result.stdout


def test_the_only_encoder_that_fails_is_an_error(synthetic_encoders: None) -> None:
    result = run("encoders", "lying")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "declared 41 channels" in result.stderr


def test_an_encoder_that_the_options_exclude_is_not_shown(synthetic_encoders: None) -> None:
    result = run("encoders", "plain", "--any-size")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: none of 1 encoder fits all that was asked for; ask for less\n"


@pytest.mark.parametrize("command", ["encoders", "decoders", "plugins"])
def test_a_listing_fits_80_columns(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, run(command).stdout.splitlines())) <= 80


@pytest.mark.parametrize("count", ["many", "25X", "-3", "nan", "1e400", "M", ""])
def test_a_malformed_number_of_parameters_says_what_was_expected(count: str) -> None:
    result = run("encoders", "--max-params", count)
    assert result.exit_code == 2
    assert "expected a count such as 25M, 1.5B or 2.5e7" in result.stderr


def test_plugins_are_listed_with_what_they_provide(path: Path) -> None:
    write_distribution(path, "segzoo-ocr", decoders("ocr"), version="2.0")
    rows = {row["distribution"]: row for row in json.loads(run("plugins", "--json").stdout)}
    assert rows["segzoo-ocr"].pop("import_ms") > 0
    assert rows["segzoo-ocr"] == {
        "name": "segzoo-ocr",
        "distribution": "segzoo-ocr",
        "version": "2.0",
        "status": "ready",
        "provides": ["decoder ocr"],
        "error": None,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        ["encoders", "mit_b?"],
        ["decoders"],
        ["plugins"],
        ["plan", "mit_b0", "segformer"],
        ["demo", "--help"],
        ["--help"],
    ],
    ids=" ".join,
)
def test_every_command_works_beside_a_broken_plugin(
    path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    good = run(*arguments).stdout
    write_distribution(path, "bad", IMPORT_RAISES)
    discover_anew(monkeypatch)
    result = run(*arguments)
    assert result.exit_code == 0
    if arguments != ["plugins"]:
        assert result.stdout == good


def test_a_broken_plugin_is_a_row_with_its_reason(path: Path) -> None:
    write_distribution(path, "bad", IMPORT_RAISES)
    (line,) = (line for line in run("plugins").stdout.splitlines() if line.startswith("bad "))
    assert "broken" in line
    assert line.rstrip().endswith("RuntimeError: no GPU today")


def test_a_broken_plugin_is_one_line_on_stderr(path: Path) -> None:
    write_distribution(path, "bad", IMPORT_RAISES)
    assert run("decoders").stderr == (
        "Warning: plugin bad:bad 1.0 is left out (broken): RuntimeError: no GPU today. Upgrade or uninstall it, or "
        "silence this with SEGZOO_DISABLE_PLUGINS=bad:bad\n"
    )


def test_a_disabled_plugin_is_silent_and_shows_why(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(path, "bad", IMPORT_RAISES)
    monkeypatch.setenv("SEGZOO_DISABLE_PLUGINS", "bad")
    result = run("plugins")
    assert result.stderr == ""
    assert "SEGZOO_DISABLE_PLUGINS" in result.stdout


def test_a_broken_plugin_is_an_error_when_strict(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(path, "bad", IMPORT_RAISES)
    monkeypatch.setenv("SEGZOO_STRICT_PLUGINS", "1")
    result = run("decoders")
    assert (result.exit_code, result.stderr) == (1, "Error: plugin bad:bad 1.0: RuntimeError: no GPU today\n")


def test_warnings_are_shown_as_before_after_a_command() -> None:
    import warnings

    before = warnings.showwarning
    run("decoders")
    assert warnings.showwarning is before


def test_a_plan_is_printed() -> None:
    printed = run("plan", "mit_b0", "segformer").stdout
    assert printed == f"{segzoo.plan('mit_b0', 'segformer')}\n"


def test_a_plan_as_json() -> None:
    assert (
        json.loads(run("plan", "mit_b0", "segformer", "--json").stdout) == segzoo.plan("mit_b0", "segformer").to_dict()
    )


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--in-channels", "2"], {"in_channels": 2}),
        (["--depth", "4"], {"depth": 4}),
        (["--classes", "7"], {"classes": 7}),
        (["--size", "64x96"], {"img_size": (64, 96)}),
        (["--size", "64"], {"img_size": (64, 64)}),
        (["--neck", "none"], {"neck": None}),
        (["--neck", "simple_pyramid"], {"neck": "simple_pyramid"}),
        (["--strict-size"], {"strict_size": True}),
        (["--decoder-option", "width=128"], {"decoder_options": {"width": 128}}),
        (
            ["--decoder-option", "a=true", "--decoder-option", "b=x=y", "--decoder-option", "c=[1, 2]"],
            {"decoder_options": {"a": True, "b": "x=y", "c": [1, 2]}},
        ),
        (["--encoder-option", "a=1.5"], {"encoder_options": {"a": 1.5}}),
    ],
    ids=str,
)
def test_options_reach_the_plan(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], options: dict[str, object]
) -> None:
    asked: list[dict[str, object]] = []
    monkeypatch.setattr(segzoo, "plan", lambda encoder, decoder, **given: asked.append(given) or "planned")
    assert run("plan", "mit_b0", "segformer", *arguments).stdout == "planned\n"
    defaults = {
        "classes": None,
        "in_channels": 3,
        "depth": None,
        "img_size": None,
        "neck": "auto",
        "encoder_options": {},
        "decoder_options": {},
        "strict_size": False,
    }
    assert asked == [defaults | options]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--decoder-option", "width"], "expected KEY=VALUE, such as width=128, got 'width'"),
        (["--decoder-option", "=3"], "expected KEY=VALUE"),
        (["--size", "64,96"], "expected a size in pixels such as 512x1024 or 224, got '64,96'"),
    ],
)
def test_a_malformed_option_says_what_was_expected(arguments: list[str], message: str) -> None:
    result = run("plan", "mit_b0", "segformer", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize("arguments", [["mit_b9", "segformer"], ["mit_b0", "segfromer"]])
def test_an_error_is_one_line_on_stderr(arguments: list[str]) -> None:
    result = run("plan", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: there is no ")
    assert "did you mean" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_closed_pipe_is_silent(path: Path) -> None:
    write_distribution(path, "many", decoders(*(f"decoder{number}" for number in range(3000))))
    command = [sys.executable, "-c", "from segzoo.cli import main; main()", "decoders"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("name")
        process.stdout.close()
        assert process.stderr.read() == ""
