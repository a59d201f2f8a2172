"""`segzoo plugins show`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from throwaway import IMPORT_RAISES, decoder, decoders, provides, write_distribution

from segzoo.cli import main

pytestmark = pytest.mark.filterwarnings("default::segzoo.host.discovery.PluginWarning")


def show(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plugins", "show", *arguments])


@pytest.mark.parametrize("name", ["entry", "segzoo-ocr", "Segzoo_OCR", "segzoo-ocr:entry", "ocr"])
def test_a_plugin_is_shown_by_any_of_its_names(path: Path, name: str) -> None:
    spec = decoder(
        "ocr", summary="object context", paper="arXiv:1909.11065", license="MIT", weights_license="CC-BY-NC-4.0"
    )
    write_distribution(path, "segzoo-ocr", provides("decoders", spec), entry_points="entry = segzoo_ocr", version="2.0")
    first, *lines = show(name).stdout.splitlines()
    assert first.startswith("segzoo-ocr:entry 2.0: ready, imported in ")
    assert lines == [
        f"from {path / 'segzoo_ocr.py'}",
        "",
        "decoder ocr",
        "  summary  object context",
        "  paper    arXiv:1909.11065",
        "  code     MIT",
        "  weights  CC-BY-NC-4.0",
        "  class    nowhere:Nothing",
        "  api      1",
    ]


def test_a_licence_that_is_not_stated_is_said_to_be_so(path: Path) -> None:
    write_distribution(path, "a", decoders("mine"))
    assert "  code   licence not stated\n" in show("a").stdout


def test_a_name_that_is_not_unambiguous_is_shown_with_its_distribution(path: Path) -> None:
    write_distribution(path, "a", decoders("same"))
    write_distribution(path, "b", decoders("same"))
    assert "\ndecoder b:same\n" in show("b").stdout


def test_all_plugins_of_a_distribution_are_shown(path: Path) -> None:
    write_distribution(path, "kit", decoders("one"), entry_points="one = kit\ntwo = kit_two")
    (path / "kit_two.py").write_text(f"import segzoo\n{decoders('two')}\n")
    assert [row["name"] for row in json.loads(show("kit", "--json").stdout)] == ["one", "two"]


def test_a_broken_plugin_is_shown_with_location_error_and_traceback(path: Path) -> None:
    write_distribution(path, "bad", IMPORT_RAISES)
    lines = show("bad").stdout.splitlines()
    assert lines[0].startswith("bad:bad 1.0: broken")
    assert lines[1] == f"from {path / 'bad.py'}"
    assert lines[3] == "RuntimeError: no GPU today"
    assert any(line.endswith('bad.py", line 2, in <module>') for line in lines)


def test_a_plugin_whose_module_is_missing_is_from_nowhere(path: Path) -> None:
    write_distribution(path, "bad", "", entry_points="bad = gone_away.deep:Thing")
    assert "from nowhere to be found" in show("bad").stdout


def test_a_disabled_plugin_is_shown_without_importing_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(path, "quiet", "from pathlib import Path\nPath(__file__).with_suffix('.imported').touch()")
    monkeypatch.setenv("SEGZOO_DISABLE_PLUGINS", "quiet")
    assert show("quiet").stdout == (
        f"quiet:quiet 1.0: disabled\nfrom {path / 'quiet.py'}\n\nnamed in SEGZOO_DISABLE_PLUGINS\n"
    )
    assert not (path / "quiet.imported").exists()


def test_as_json(path: Path) -> None:
    write_distribution(path, "good", decoders("mine"))
    write_distribution(path, "bad", IMPORT_RAISES)
    (good,) = json.loads(show("good", "--json").stdout)
    assert (good["status"], good["location"], good["traceback"]) == ("ready", str(path / "good.py"), None)
    assert [(each["kind"], each["listed_as"], each["target"]) for each in good["provides"]] == [
        ("decoder", "mine", "nowhere:Nothing")
    ]
    (bad,) = json.loads(show("bad", "--json").stdout)
    assert (bad["status"], bad["provides"]) == ("broken", [])
    assert "RuntimeError: no GPU today" in bad["traceback"]


def test_an_unknown_plugin_comes_with_near_ones(path: Path) -> None:
    write_distribution(path, "segzoo-ocr", decoders("ocr"))
    result = show("segzoo-ocr2")
    assert result.exit_code == 1
    assert "did you mean 'segzoo-ocr'" in result.stderr
    assert "`segzoo plugins` lists all" in result.stderr
