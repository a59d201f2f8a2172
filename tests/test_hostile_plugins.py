"""Five hostile plugins, installed at once beside the whole zoo and a good plugin."""

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from throwaway import IMPORT_RAISES, decoder, decoders, provides, write_distribution

import segzoo
from segzoo.cli import main
from segzoo.host import registry

SIDE_EFFECT = "from pathlib import Path\nPath(__file__).with_suffix('.imported').touch()\n"
HOSTILE = {
    "bad-import": (IMPORT_RAISES, "broken", "RuntimeError: no GPU today"),
    "bad-midway": (
        f"@segzoo.hookimpl\ndef segzoo_decoders():\n"
        f"    yield segzoo.{decoder('half')}\n"
        "    raise RuntimeError('midway')",
        "broken",
        "RuntimeError: midway",
    ),
    "from-the-future": (
        provides("decoders", decoder("future", api=99))
        + "\n@segzoo.hookimpl\ndef segzoo_time_machines():\n    return []",
        "incompatible",
        f"made for plugin api 99, and segzoo {segzoo.__version__} has api 1; upgrade segzoo",
    ),
    "usurper": (decoders("unet"), "conflict", "the name 'unet' is reserved: segzoo has one of its own"),
    "twin-a": (decoders("twin"), "ready", None),
    "twin-b": (decoders("twin"), "ready", None),
}
FAILING = [name for name, (_, status, _) in HOSTILE.items() if status != "ready"]

pytestmark = pytest.mark.filterwarnings("ignore::segzoo.host.discovery.PluginWarning")


@pytest.fixture
def hostile(path: Path) -> Path:
    for name, (source, _, _) in HOSTILE.items():
        write_distribution(path, name, SIDE_EFFECT + source)
    write_distribution(path, "good", decoders("good"))
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_each_shows_with_its_reason(hostile: Path) -> None:
    shown = {row["distribution"]: row for row in json.loads(run("plugins", "--json").stdout)}
    for name, (_, status, reason) in HOSTILE.items():
        assert (name, shown[name]["status"]) == (name, status)
        assert (reason or "") in (shown[name]["error"] or "")
    assert {shown[name]["status"] for name in ("segzoo-torch", "good")} == {"ready"}


def test_each_that_fails_is_one_warning(hostile: Path) -> None:
    with pytest.warns(segzoo.host.discovery.PluginWarning) as warned:
        segzoo.plugins()
    assert [str(warning.message).split()[1] for warning in warned] == [f"{name}:{name}" for name in sorted(FAILING)]


def test_nothing_of_those_that_fail_is_listed(hostile: Path) -> None:
    names = segzoo.list_decoders()
    assert {"half", "future", "usurper:unet"}.isdisjoint(names)
    assert {"good", "twin-a:twin", "twin-b:twin"} <= set(names)


def test_the_zoo_works_beside_them(hostile: Path) -> None:
    model = segzoo.create_model("mit_b0", "unet", classes=2).eval()
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 2, 64, 64)
    assert registry.find_decoder("unet").distribution == "segzoo-torch"


def test_the_name_of_two_is_ambiguous_and_lists_them(hostile: Path) -> None:
    with pytest.raises(segzoo.AmbiguousNameError, match="say which is meant: 'twin-a:twin', 'twin-b:twin'"):
        segzoo.plan("mit_b0", "twin")
    assert registry.find_decoder("twin-b:twin").distribution == "twin-b"


@pytest.mark.parametrize("name", ["half", "future"])
def test_a_name_that_one_would_have_provided_says_what_failed(hostile: Path, name: str) -> None:
    with pytest.raises(segzoo.UnknownNameError) as raised:
        segzoo.plan("mit_b0", name)
    for failing in FAILING:
        assert f"{failing}:{failing} ({HOSTILE[failing][1]}: " in str(raised.value)


@pytest.mark.parametrize("name", FAILING)
def test_strict_raises_the_reason(hostile: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGZOO_STRICT_PLUGINS", "1")
    monkeypatch.setenv("SEGZOO_DISABLE_PLUGINS", ",".join(other for other in FAILING if other != name))
    with pytest.raises(segzoo.PluginError, match=f"plugin {name}:{name} 1.0: .*{HOSTILE[name][2]}"):
        segzoo.plugins()


@pytest.mark.parametrize("name", HOSTILE)
def test_one_that_is_disabled_is_not_imported_and_the_others_are(
    hostile: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGZOO_DISABLE_PLUGINS", name)
    assert {info.status for info in segzoo.plugins() if info.distribution == name} == {"disabled"}
    imported = {path.stem.replace("_", "-") for path in hostile.glob("*.imported")}
    assert imported == HOSTILE.keys() - {name}


def test_disabling_all_that_fail_makes_it_silent(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGZOO_DISABLE_PLUGINS", ",".join(FAILING))
    monkeypatch.setenv("SEGZOO_STRICT_PLUGINS", "1")
    result = run("decoders")
    assert (result.exit_code, result.stderr) == (0, "")
