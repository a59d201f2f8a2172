import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from throwaway import IMPORT_RAISES, decoder, decoders, entry_points, provides, write_distribution

import segzoo
from segzoo.distributions import normalise
from segzoo.host.discovery import PluginInfo, discover, installed

Discover = Callable[..., dict[str, PluginInfo]]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path that throw-away distributions are written to."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for module in set(sys.modules) - known:
        if (tmp_path / f"{module}.py").exists():
            del sys.modules[module]


def rows(path: Path, **environ: str) -> dict[str, PluginInfo]:
    return {info.id: info for info, _ in discover(entry_points(path), environ)}


def row(path: Path, **environ: str) -> PluginInfo:
    (info,) = rows(path, **environ).values()
    return info


def test_a_good_plugin_is_ready_and_says_what_it_provides(path: Path) -> None:
    write_distribution(path, "ocr", decoders("ocr", "ocr-lite"), version="2.1")
    info = row(path)
    assert (info.status, info.version, info.provides) == ("ready", "2.1", ("decoder ocr", "decoder ocr-lite"))
    assert info.error is None
    assert info.import_ms is not None
    assert info.import_ms > 0


def test_descriptors_come_with_the_plugin_that_provides_them(path: Path) -> None:
    write_distribution(path, "a", decoders("one"))
    write_distribution(path, "b", decoders("two"))
    found = {info.id: [descriptor.name for descriptor in given] for info, given in discover(entry_points(path), {})}
    assert found == {"a:a": ["one"], "b:b": ["two"]}


@pytest.mark.parametrize(
    ("hook", "spec", "provided"),
    [
        ("decoders", "DecoderSpec(name='x', target='m:X')", "decoder x"),
        ("encoders", "EncoderSpec(name='x', target='m:X')", "encoder source x"),
        ("necks", "NeckSpec(name='x', target='m:X')", "neck x"),
        ("importers", "ImporterSpec(name='x', target='m:X')", "importer x"),
    ],
)
def test_every_hook_is_heard(path: Path, hook: str, spec: str, provided: str) -> None:
    write_distribution(path, "plugin", provides(hook, spec))
    assert row(path).provides == (provided,)


def test_an_object_can_be_a_plugin(path: Path) -> None:
    source = "class Plugin:\n    @segzoo.hookimpl\n    def segzoo_decoders(self):\n        return []\nplugin = Plugin()"
    write_distribution(path, "plugin", source, entry_points="p = plugin:plugin")
    assert row(path).status == "ready"


def test_plugins_that_ship_with_segzoo_come_first(path: Path) -> None:
    write_distribution(path, "zebra", decoders("zebra"))
    write_distribution(path, "segzoo-torch", "", module="shipped", entry_points="z = shipped\na = shipped")
    write_distribution(path, "ant", decoders("ant"))
    assert list(rows(path)) == ["segzoo:a", "segzoo:z", "ant:ant", "zebra:zebra"]


@pytest.mark.parametrize("written", ["Segzoo_OCR", "segzoo.ocr", "SEGZOO--ocr"])
def test_distribution_names_are_normalised(written: str) -> None:
    assert normalise(written) == "segzoo-ocr"


HOSTILE = {
    "import raises": (IMPORT_RAISES, "broken", "RuntimeError: no GPU today"),
    "import exits": ("raise SystemExit(3)", "broken", "SystemExit: 3"),
    "import raises a bare BaseException": ("raise BaseException('x')", "broken", "BaseException: x"),
    "unprintable error": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "broken",
        "E: <",
    ),
    "missing dependency": ("import no_such_module", "broken", "ModuleNotFoundError: No module named 'no_such_module'"),
    "syntax error": ("def", "broken", "SyntaxError: "),
    "hook raises": ("@segzoo.hookimpl\ndef segzoo_decoders():\n    return 1 / 0", "broken", "ZeroDivisionError"),
    "hook raises midway": (
        f"@segzoo.hookimpl\ndef segzoo_decoders():\n    yield segzoo.{decoder('a')}\n    raise RuntimeError('midway')",
        "broken",
        "RuntimeError: midway",
    ),
    "second hook raises": (
        decoders("a") + "\n@segzoo.hookimpl\ndef segzoo_necks():\n    raise RuntimeError('second')",
        "broken",
        "RuntimeError: second",
    ),
    "hook returns a number": (
        "@segzoo.hookimpl\ndef segzoo_decoders():\n    return 3",
        "broken",
        "segzoo_decoders must return a list of DecoderSpec, got type int",
    ),
    "hook returns one descriptor": (
        f"@segzoo.hookimpl\ndef segzoo_decoders():\n    return segzoo.{decoder('a')}",
        "broken",
        "must return a list of DecoderSpec, got type DecoderSpec",
    ),
    "hook returns another kind": (
        provides("necks", decoder("a")),
        "broken",
        "segzoo_necks must return a list of NeckSpec, got one of type DecoderSpec",
    ),
    "invalid descriptor": (provides("decoders", decoder("a", target="no colon")), "broken", "needs a target"),
    "unknown hook": ("@segzoo.hookimpl\ndef segzoo_decodres():\n    return []", "broken", "unknown hook"),
    "argument that no hook has": (
        "@segzoo.hookimpl\ndef segzoo_decoders(config):\n    return []",
        "broken",
        "Argument(s) {'config'}",
    ),
    "no hook": ("def segzoo_decoders(): return []", "broken", "mark it with @segzoo.hookimpl"),
    "api of the future": (
        provides("decoders", decoder("a", api=99)),
        "incompatible",
        f"plugin api 99, and segzoo {segzoo.__version__} has api 1; upgrade segzoo",
    ),
    "api of the past": (provides("decoders", decoder("a", api=0)), "incompatible", "upgrade the plugin"),
    "reserved name": (decoders("unet"), "conflict", "the name 'unet' is reserved"),
    "reserved name in capitals": (decoders("UNet"), "conflict", "the name 'UNet' is reserved"),
    "name twice in one plugin": (decoders("a", "a"), "conflict", "decoder 'a' 2 times"),
}


@pytest.fixture
def among_good(path: Path) -> Discover:
    """Discover a hostile plugin between a shipped and two good ones."""

    def among_good(source: str, **environ: str) -> dict[str, PluginInfo]:
        write_distribution(path, "segzoo-torch", decoders("unet"), module="shipped", entry_points="unet = shipped")
        write_distribution(path, "early", decoders("early"))
        write_distribution(path, "hostile", source)
        write_distribution(path, "late", decoders("late", "a"))
        return rows(path, **environ)

    return among_good


@pytest.mark.parametrize(("source", "status", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_failing_plugin_is_a_row_with_its_reason(among_good: Discover, source: str, status: str, reason: str) -> None:
    info = among_good(source)["hostile:hostile"]
    assert (info.status, info.provides) == (status, ())
    assert reason in str(info.error)
    assert "\n" not in str(info.error)


@pytest.mark.parametrize("source", [source for source, _, _ in HOSTILE.values()], ids=HOSTILE)
def test_a_failing_plugin_leaves_the_others_working(among_good: Discover, source: str) -> None:
    found = among_good(source)
    assert found.pop("hostile:hostile").status != "ready"
    assert [info.status for info in found.values()] == ["ready"] * 3
    assert found["late:late"].provides == ("decoder late", "decoder a")


@pytest.mark.parametrize("source", [source for source, _, _ in HOSTILE.values()], ids=HOSTILE)
def test_a_failing_plugin_raises_from_its_cause_when_strict(among_good: Discover, source: str) -> None:
    with pytest.raises(segzoo.PluginError, match=r"plugin hostile:hostile 1\.0: ") as raised:
        among_good(source, SEGZOO_STRICT_PLUGINS="1")
    assert raised.value.__cause__ is not None


def test_a_failing_plugin_keeps_its_traceback(path: Path) -> None:
    write_distribution(path, "hostile", IMPORT_RAISES)
    assert 'hostile.py", line 2' in str(row(path).traceback)


def test_the_user_can_interrupt(path: Path) -> None:
    write_distribution(path, "slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        rows(path)


def test_strict_can_be_switched_off_by_zero(path: Path) -> None:
    write_distribution(path, "hostile", IMPORT_RAISES)
    assert row(path, SEGZOO_STRICT_PLUGINS="0").status == "broken"


@pytest.mark.parametrize("value", ["!!", "module:", "a b", ":x", "ocr:missing", "missing_module"])
def test_an_entry_point_that_leads_nowhere_is_a_broken_row(path: Path, value: str) -> None:
    write_distribution(path, "ocr", decoders("ocr"), entry_points=f"ocr = {value}")
    assert row(path).status == "broken"


def test_a_malformed_entry_point_is_quoted(path: Path) -> None:
    write_distribution(path, "ocr", decoders("ocr"), entry_points="ocr = !!")
    assert "an entry point is 'module' or 'module:object', got '!!'" in str(row(path).error)


def test_an_unreadable_list_of_entry_points_is_a_broken_row(path: Path) -> None:
    write_distribution(path, "ocr", decoders("ocr"), entry_points="no equals sign")
    found = {info.id: info for info, _ in discover(installed(), {})}
    assert found["ocr:entry_points.txt"].status == "broken"
    assert found["segzoo:unet"].status == "ready"


def test_an_unreadable_list_of_somebody_else_does_not_matter(path: Path) -> None:
    write_distribution(path, "other", "")
    (path / "other-1.0.dist-info" / "entry_points.txt").write_text("[console_scripts]\nno equals sign\n")
    assert {info.distribution for info, _ in discover(installed(), {}) if info.status != "ready"} == set()


def test_a_distribution_without_metadata_is_no_crash(path: Path) -> None:
    write_distribution(path, "ocr", decoders("ocr"))
    (path / "ocr-1.0.dist-info" / "METADATA").unlink()
    info = row(path)
    assert (info.status, info.distribution, info.version) == ("ready", "unknown", "unknown")


def test_a_distribution_installed_twice_counts_once(
    path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_distribution(path, "ocr", decoders("ocr"), version="1.0")
    older = tmp_path_factory.mktemp("older")
    write_distribution(older, "ocr", decoders("ocr"), version="0.9")
    monkeypatch.setattr(sys, "path", [*sys.path, str(older)])
    assert [info.version for info, _ in discover(installed(), {}) if info.distribution == "ocr"] == ["1.0"]


def test_a_distribution_that_is_hidden_by_one_without_plugins_does_not_count(
    path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_distribution(path, "ocr", "", version="2.0")
    (path / "ocr-2.0.dist-info" / "entry_points.txt").unlink()
    older = tmp_path_factory.mktemp("older")
    write_distribution(older, "ocr", decoders("ocr"), version="1.0")
    monkeypatch.setattr(sys, "path", [*sys.path, str(older)])
    assert "ocr" not in {info.distribution for info, _ in discover(installed(), {})}


def test_the_same_bare_name_in_two_distributions_is_fine(path: Path) -> None:
    write_distribution(path, "a", decoders("ocr"))
    write_distribution(path, "b", decoders("ocr"))
    assert [info.status for info in rows(path).values()] == ["ready", "ready"]


def test_a_decoder_and_a_neck_may_share_a_name(path: Path) -> None:
    neck = provides("necks", "NeckSpec(name='x', target='m:X')")
    write_distribution(path, "a", f"{decoders('x')}\n{neck}")
    assert row(path).status == "ready"


def test_two_plugins_of_a_distribution_can_not_provide_the_same(path: Path) -> None:
    write_distribution(path, "a", decoders("ocr"), entry_points="one = a\ntwo = a_copy")
    (path / "a_copy.py").write_text((path / "a.py").read_text())
    found = rows(path)
    assert [info.status for info in found.values()] == ["ready", "conflict"]
    assert found["a:two"].error == "decoder 'ocr' is provided by a:one already"


def test_an_entry_point_announced_twice_is_a_conflict(path: Path) -> None:
    write_distribution(path, "a", decoders("ocr"), entry_points="one = a\none = a_copy")
    (path / "a_copy.py").write_text(f"import segzoo\n{decoders('other')}")
    assert [info.status for info, _ in discover(entry_points(path), {})] == ["ready", "conflict"]


def test_a_module_that_two_distributions_announce_is_a_conflict(path: Path) -> None:
    write_distribution(path, "original", decoders("ocr"))
    write_distribution(path, "fork", "", entry_points="fork = original")
    found = rows(path)
    assert found["original:original"].status == "conflict"
    assert "as fork:fork" in str(found["original:original"].error)


def test_a_name_that_ships_with_segzoo_stays_reserved_when_it_is_disabled(among_good: Discover) -> None:
    found = among_good(decoders("unet"), SEGZOO_DISABLE_PLUGINS="segzoo:unet")
    assert found["segzoo:unet"].status == "disabled"
    assert found["hostile:hostile"].status == "conflict"
    assert "(which is disabled)" in str(found["hostile:hostile"].error)


def test_the_other_project_called_segzoo_has_no_plugins(path: Path) -> None:
    write_distribution(path, "Segzoo", SIDE_EFFECT, version="1.0.13", module="theirs", entry_points="unet = theirs")
    assert {info.id for info, _ in discover(installed(), {}) if "1.0.13" in info.version} == set()
    assert not (path / "theirs.imported").exists()


@pytest.mark.parametrize("item", ["segzoo", "segzoo-torch", "segzoo:unet", "segzoo_torch:unet"])
def test_what_ships_goes_by_its_ids_and_by_its_distribution(path: Path, item: str) -> None:
    write_distribution(path, "segzoo-torch", decoders("unet"), module="shipped", entry_points="unet = shipped")
    info = row(path, SEGZOO_DISABLE_PLUGINS=item)
    assert (info.id, info.distribution, info.status) == ("segzoo:unet", "segzoo-torch", "disabled")


SIDE_EFFECT = "from pathlib import Path\nPath(__file__).with_suffix('.imported').touch()\n" + decoders("ocr")


@pytest.mark.parametrize("item", ["ocr-plugin", "OCR_plugin", "ocr", "ocr-plugin:ocr", " x , ocr ,"])
def test_a_plugin_can_be_disabled(path: Path, item: str) -> None:
    write_distribution(path, "ocr-plugin", decoders("ocr"), entry_points="ocr = ocr_plugin")
    info = row(path, SEGZOO_DISABLE_PLUGINS=item)
    assert (info.status, info.error, info.provides) == ("disabled", "named in SEGZOO_DISABLE_PLUGINS", ())
    assert info.import_ms is None


@pytest.mark.parametrize("item", ["", "ocr2", "other:ocr", "ocr-plugin:other", "ocr-plugin:"])
def test_a_plugin_that_is_not_named_stays_enabled(path: Path, item: str) -> None:
    write_distribution(path, "ocr-plugin", decoders("ocr"), entry_points="ocr = ocr_plugin")
    assert row(path, SEGZOO_DISABLE_PLUGINS=item).status == "ready"


@pytest.mark.parametrize("environ", [{"SEGZOO_DISABLE_PLUGINS": "ocr"}, {"SEGZOO_PLUGINS": "other"}])
def test_a_disabled_plugin_is_not_even_imported(path: Path, environ: dict[str, str]) -> None:
    write_distribution(path, "ocr", SIDE_EFFECT)
    rows(path, **environ)
    assert not (path / "ocr.imported").exists()
    rows(path)
    assert (path / "ocr.imported").exists()


@pytest.mark.parametrize(
    ("allowed", "ready"),
    [
        ("early", {"segzoo:unet", "early:early"}),
        ("early,late:late", {"segzoo:unet", "early:early", "late:late"}),
        ("", {"segzoo:unet"}),
    ],
)
def test_an_allow_list_keeps_what_it_names_and_what_ships_with_segzoo(
    among_good: Discover, allowed: str, ready: set[str]
) -> None:
    found = among_good(IMPORT_RAISES, SEGZOO_PLUGINS=allowed)
    assert {info.id for info in found.values() if info.status == "ready"} == ready
    assert {info.status for info in found.values()} == {"ready", "disabled"}


def test_what_is_disabled_stays_so_when_it_is_allowed(path: Path) -> None:
    write_distribution(path, "ocr", decoders("ocr"))
    assert row(path, SEGZOO_PLUGINS="ocr", SEGZOO_DISABLE_PLUGINS="ocr").status == "disabled"


def test_everything_that_ships_is_ready() -> None:
    assert {info.status for info, _ in discover(installed(), {}) if info.distribution == "segzoo-torch"} == {"ready"}
