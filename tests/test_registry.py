import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from freshly import discover_anew
from throwaway import IMPORT_RAISES, decoder, decoders, entry_points, provides, write_distribution

import segzoo
from segzoo.host import discovery, registry, sources
from segzoo.host.discovery import PluginWarning


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose throw-away distributions are all that the registry discovers."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(discovery, "installed", lambda: entry_points(tmp_path))
    discover_anew(monkeypatch)
    yield tmp_path
    for module in set(sys.modules) - known:
        if (tmp_path / f"{module}.py").exists():
            del sys.modules[module]


def ship(path: Path, source: str, module: str = "shipped") -> None:
    """A stand-in for the plugins that ship with segzoo."""
    write_distribution(path, "segzoo-torch", source, module=module, entry_points=f"{module} = {module}")


def source(name: str, *encoders: str, resolves: str = "name in self.names()") -> str:
    """A plugin that is an encoder source, the class in the same module."""
    return f"""
@segzoo.hookimpl
def segzoo_encoders():
    return [segzoo.EncoderSpec(name={name!r}, target=__name__ + ":Source")]

def __getattr__(attribute):  # the class is made when it is asked for, as it needs torch
    if attribute != "Source":
        raise AttributeError(attribute)
    class Source(segzoo.EncoderSource):
        def names(self):
            return {list(encoders)!r}
        def resolves(self, name):
            return {resolves}
        def create(self, name, request, pretrained=False):
            raise NotImplementedError
    globals()["Source"] = Source
    return Source
"""


# Decoders and necks


def test_a_decoder_is_found_by_its_bare_name_and_by_its_id(path: Path) -> None:
    write_distribution(path, "segzoo-ocr", decoders("ocr"))
    assert registry.find_decoder("ocr") == registry.find_decoder("segzoo-ocr:ocr")
    assert registry.find_decoder("ocr").id == "segzoo-ocr:ocr"


def test_what_is_found_says_who_provides_it(path: Path) -> None:
    write_distribution(path, "segzoo-ocr", decoders("ocr"), version="2.3", entry_points="entry = segzoo_ocr")
    found = registry.find_decoder("ocr")
    assert (found.distribution, found.version, found.plugin) == ("segzoo-ocr", "2.3", "entry")


def test_the_distribution_of_an_id_is_normalised(path: Path) -> None:
    write_distribution(path, "Segzoo.OCR", decoders("ocr"), module="m")
    assert registry.find_decoder("Segzoo_OCR:ocr").id == "segzoo-ocr:ocr"


def test_an_ambiguous_name_lists_the_ids(path: Path) -> None:
    write_distribution(path, "a", decoders("ocr"))
    write_distribution(path, "b", decoders("ocr"))
    with pytest.raises(segzoo.AmbiguousNameError, match="'a:ocr', 'b:ocr'"):
        registry.find_decoder("ocr")
    assert registry.find_decoder("b:ocr").distribution == "b"


def test_decoders_are_listed_by_bare_name_where_it_is_unambiguous(path: Path) -> None:
    write_distribution(path, "a", decoders("ocr", "alone"))
    write_distribution(path, "b", decoders("ocr"))
    assert segzoo.list_decoders() == ["a:ocr", "alone", "b:ocr"]


def test_every_listed_decoder_is_found(path: Path) -> None:
    ship(path, decoders("unet"))
    write_distribution(path, "a", decoders("ocr", "alone"))
    write_distribution(path, "b", decoders("ocr"))
    assert len({registry.find_decoder(name).id for name in segzoo.list_decoders()}) == 4


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("u*", ["UNet", "upernet"]),
        ("UNET", ["UNet"]),
        ("a:*", ["UNet", "upernet", "fpn"]),
        ("*net*", ["UNet", "upernet"]),
        ("a*", []),
    ],
)
def test_decoders_are_filtered_by_a_glob_that_ignores_case(path: Path, pattern: str, names: list[str]) -> None:
    write_distribution(path, "a", decoders("UNet", "upernet", "fpn"))
    assert segzoo.list_decoders(pattern) == names


@pytest.mark.parametrize("given", ["unett", "UNET", "Unet+"])
def test_an_unknown_name_comes_with_near_ones(path: Path, given: str) -> None:
    write_distribution(path, "a", decoders("unet", "fpn"))
    with pytest.raises(segzoo.UnknownNameError, match=r"did you mean 'unet'\?"):
        registry.find_decoder(given)


@pytest.mark.filterwarnings("ignore::segzoo.host.discovery.PluginWarning")
def test_an_unknown_name_comes_with_the_plugins_that_failed(path: Path) -> None:
    write_distribution(path, "ocr", IMPORT_RAISES)
    with pytest.raises(segzoo.UnknownNameError, match=r"not loaded: ocr:ocr \(broken: RuntimeError: no GPU today\)"):
        registry.find_decoder("ocr")


def test_an_unknown_name_comes_with_the_plugins_that_are_disabled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(path, "ocr", decoders("ocr"))
    monkeypatch.setenv("SEGZOO_DISABLE_PLUGINS", "ocr")
    with pytest.raises(segzoo.UnknownNameError, match="disabled: named in SEGZOO_DISABLE_PLUGINS"):
        registry.find_decoder("ocr")


@pytest.mark.parametrize("name", [None, 3, "", b"unet"])
def test_a_name_is_a_string(path: Path, name: object) -> None:
    for find in (registry.find_decoder, registry.find_neck, sources.find_encoder):
        with pytest.raises(segzoo.OptionError, match="is a string"):
            find(name)  # type: ignore[arg-type]


def test_the_class_is_loaded_when_it_is_asked_for(path: Path) -> None:
    write_distribution(path, "a", provides("decoders", decoder("a", target="a_decoder:Decoder")))
    (path / "a_decoder.py").write_text("class Decoder: pass")
    assert registry.find_decoder("a").load().__qualname__ == "Decoder"


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("class Other: pass", "AttributeError"),
        ("raise RuntimeError('no GPU today')", "RuntimeError: no GPU today"),
        ("raise SystemExit(2)", "SystemExit: 2"),
    ],
)
def test_a_class_that_can_not_be_loaded_names_who_provides_it(path: Path, module: str, reason: str) -> None:
    write_distribution(path, "a", provides("decoders", decoder("a", target="a_decoder:Decoder")), version="1.5")
    (path / "a_decoder.py").write_text(module)
    with pytest.raises(segzoo.PluginError, match=rf"decoder a:a 1\.5 .*{reason}.*upgrade a") as raised:
        registry.find_decoder("a").load()
    assert raised.value.__cause__ is not None


def test_necks_are_found_by_the_wish_that_they_grant_those_of_segzoo_first(path: Path) -> None:
    def neck(name: str, *grants: str) -> str:
        return provides("necks", f"NeckSpec(name={name!r}, target='m:N', grants={grants!r})")

    write_distribution(path, "a", neck("early", "pyramid"))
    write_distribution(path, "b", neck("other"))
    ship(path, neck("simple", "pyramid"))
    assert [neck.id for neck in registry.necks_granting("pyramid")] == ["segzoo:simple", "a:early"]
    assert registry.find_neck("other").id == "b:other"


def test_a_neck_on_request_is_found_by_its_name_alone(path: Path) -> None:
    spec = "NeckSpec(name='heavy', target='m:N', grants=('pyramid',), on_request=True)"
    write_distribution(path, "a", provides("necks", spec))
    assert "a:heavy" not in [neck.id for neck in registry.necks_granting("pyramid")]
    assert registry.find_neck("heavy").id == "a:heavy"


# Plugins


def test_plugins_are_discovered_once(path: Path) -> None:
    write_distribution(path, "a", decoders("a"))
    before = segzoo.plugins()
    write_distribution(path, "b", decoders("b"))
    assert segzoo.plugins() == before


def test_plugins_are_discovered_once_by_many_threads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(path, "a", "import time\ntime.sleep(0.2)\n" + decoders("a"))
    asked = []
    monkeypatch.setattr(discovery, "installed", lambda: asked.append("once") or entry_points(path))
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda _: segzoo.list_decoders(), range(8))) == [["a"]] * 8
    assert asked == ["once"]


def test_each_failing_plugin_gives_one_warning_that_says_how_to_silence_it(path: Path) -> None:
    write_distribution(path, "bad", IMPORT_RAISES)
    write_distribution(path, "worse", "raise SystemExit")
    with pytest.warns(PluginWarning) as warned:
        assert segzoo.plugins() == segzoo.plugins()
    assert [str(warning.message).split(" is left out")[0] for warning in warned] == [
        "plugin bad:bad 1.0",
        "plugin worse:worse 1.0",
    ]
    assert "SEGZOO_DISABLE_PLUGINS=bad:bad" in str(warned[0].message)


def test_a_disabled_plugin_gives_no_warning(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(path, "bad", IMPORT_RAISES)
    monkeypatch.setenv("SEGZOO_DISABLE_PLUGINS", "bad")
    assert [info.status for info in segzoo.plugins()] == ["disabled"]


def test_a_failing_plugin_raises_when_strict(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(path, "bad", IMPORT_RAISES)
    monkeypatch.setenv("SEGZOO_STRICT_PLUGINS", "1")
    with pytest.raises(segzoo.PluginError, match="RuntimeError: no GPU today"):
        segzoo.plugins()


@pytest.mark.filterwarnings("ignore::segzoo.host.discovery.PluginWarning")
@pytest.mark.parametrize(
    "question", ["segzoo.list_decoders()", "segzoo.register(segzoo.DecoderSpec(name='x', target='m:X'))"]
)
def test_a_plugin_that_asks_the_zoo_while_it_is_imported_is_broken(path: Path, question: str) -> None:
    write_distribution(path, "curious", f"{question}\n{decoders('a')}")
    (info,) = segzoo.plugins()
    assert "while it is being imported" in str(info.error)


# Run time


def test_register_adds_for_this_process(path: Path) -> None:
    segzoo.register(segzoo.DecoderSpec(name="mine", target="collections:OrderedDict"))
    assert segzoo.list_decoders() == ["mine"]
    assert registry.find_decoder("mine").id == "runtime:mine"
    assert registry.find_decoder("runtime:mine").load().__name__ == "OrderedDict"


def test_registering_again_replaces(path: Path) -> None:
    for target in ("m:First", "m:Second"):
        segzoo.register(segzoo.DecoderSpec(name="mine", target=target))
    assert registry.find_decoder("mine").descriptor.target == "m:Second"


def test_registering_a_reserved_name_is_refused(path: Path) -> None:
    ship(path, decoders("unet"))
    with pytest.raises(segzoo.PluginError, match="'unet' is reserved"):
        segzoo.register(segzoo.DecoderSpec(name="unet", target="m:Mine"))
    assert registry.find_decoder("unet").distribution == "segzoo-torch"


def test_registering_a_name_of_a_third_party_makes_it_ambiguous(path: Path) -> None:
    write_distribution(path, "a", decoders("ocr"))
    segzoo.register(segzoo.DecoderSpec(name="ocr", target="m:Mine"))
    with pytest.raises(segzoo.AmbiguousNameError, match="'a:ocr', 'runtime:ocr'"):
        registry.find_decoder("ocr")


def test_a_target_that_was_registered_wrongly_can_be_corrected(path: Path) -> None:
    segzoo.register(segzoo.DecoderSpec(name="mine", target="collections:Missing"))
    with pytest.raises(segzoo.PluginError, match="correct its target"):
        registry.find_decoder("mine").load()


@pytest.mark.parametrize("spec", [None, "unet", dict])
def test_only_descriptors_can_be_registered(path: Path, spec: object) -> None:
    with pytest.raises(segzoo.OptionError, match="register takes a DecoderSpec"):
        segzoo.register(spec)  # type: ignore[arg-type]


def test_a_descriptor_of_another_api_can_not_be_registered(path: Path) -> None:
    with pytest.raises(segzoo.PluginError, match="plugin api 7"):
        segzoo.register(segzoo.DecoderSpec(name="mine", target="m:Mine", api=7))


# Encoders


@pytest.fixture
def encoders(path: Path) -> Path:
    """A source that ships with segzoo and takes hub addresses and folders, and two of third parties."""
    anything = "name in self.names() or name.startswith(('hf-hub:', 'local-dir:'))"
    ship(path, source("timm", "resnet18", "shared", "vit/14", resolves=anything))
    write_distribution(path, "ann", source("conv", "shared", "both", "only-ann"))
    write_distribution(path, "bob", source("conv", "both", "only-bob"))
    return path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("resnet18", "segzoo:timm/resnet18"),
        ("only-bob", "bob:conv/only-bob"),
        ("shared", "segzoo:timm/shared"),
        ("ann:conv/shared", "ann:conv/shared"),
        ("ANN:conv/shared", "ann:conv/shared"),
        ("timm/resnet18", "segzoo:timm/resnet18"),
        ("conv/only-bob", "bob:conv/only-bob"),
        ("vit/14", "segzoo:timm/vit/14"),
        ("timm/vit/14", "segzoo:timm/vit/14"),
        ("hf-hub:timm/resnet50.a1_in1k", "segzoo:timm/hf-hub:timm/resnet50.a1_in1k"),
        ("segzoo:timm/hf-hub:timm/resnet50.a1_in1k", "segzoo:timm/hf-hub:timm/resnet50.a1_in1k"),
        ("local-dir:/some/folder", "segzoo:timm/local-dir:/some/folder"),
    ],
)
def test_an_encoder_is_found_by_name_source_and_id(encoders: Path, name: str, found: str) -> None:
    assert sources.find_encoder(name).id == found


def test_a_hub_address_reaches_its_source_whole(encoders: Path) -> None:
    assert sources.find_encoder("hf-hub:timm/resnet50.a1_in1k").name == "hf-hub:timm/resnet50.a1_in1k"


@pytest.mark.parametrize("name", ["both", "conv/both"])
def test_an_encoder_of_two_third_parties_is_ambiguous(encoders: Path, name: str) -> None:
    with pytest.raises(segzoo.AmbiguousNameError, match="'ann:conv/both', 'bob:conv/both'"):
        sources.find_encoder(name)


def test_encoders_are_listed_by_bare_name_where_it_is_unambiguous(encoders: Path) -> None:
    assert segzoo.list_encoders() == [
        "resnet18",
        "shared",
        "vit/14",
        "ann:conv/shared",
        "ann:conv/both",
        "only-ann",
        "bob:conv/both",
        "only-bob",
    ]


def test_every_listed_encoder_is_found(encoders: Path) -> None:
    assert len({sources.find_encoder(name).id for name in segzoo.list_encoders()}) == 8


@pytest.mark.parametrize(("pattern", "count"), [("ONLY*", 2), ("ann:*", 3), ("resnet", 0), ("resnet*", 1)])
def test_encoders_are_filtered_by_a_glob(encoders: Path, pattern: str, count: int) -> None:
    assert len(segzoo.list_encoders(pattern)) == count


def test_a_source_is_made_once(encoders: Path) -> None:
    assert sources.find_encoder("resnet18").source is sources.find_encoder("shared").source


def test_a_shipped_encoder_is_found_without_loading_third_parties(path: Path) -> None:
    ship(path, source("timm", "resnet18"))
    write_distribution(path, "heavy", provides("encoders", "EncoderSpec(name='heavy', target='nowhere:Source')"))
    assert sources.find_encoder("resnet18").id == "segzoo:timm/resnet18"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet81", r"there is no encoder 'resnet81' \(did you mean 'resnet18'"),
        ("segzoo:timm/resnet81", r"there is no encoder of segzoo:timm 'resnet81' \(did you mean 'resnet18'"),
        ("timm/nothing", "there is no encoder 'timm/nothing'"),
        ("nobody:conv/both", "there is no encoder 'nobody:conv/both'"),
    ],
)
def test_an_unknown_encoder_comes_with_near_ones(encoders: Path, name: str, message: str) -> None:
    with pytest.raises(segzoo.UnknownNameError, match=message):
        sources.find_encoder(name)


INDEXED = """
class Index(segzoo.EncoderIndex):
    def names(self):
        return ["quick"]

@segzoo.hookimpl
def segzoo_encoders():
    return [segzoo.EncoderSpec(name="slow", target="nowhere:Source", index=__name__ + ":Index")]
"""


def test_a_source_with_an_index_is_asked_without_being_loaded(path: Path) -> None:
    write_distribution(path, "ann", INDEXED)
    assert segzoo.list_encoders() == ["quick"]
    found = sources.find_encoder("quick")
    assert found.id == "ann:slow/quick"
    with pytest.raises(segzoo.UnknownNameError, match="did you mean 'quick'"):
        sources.find_encoder("quik")
    with pytest.raises(segzoo.PluginError, match="can't be loaded from 'nowhere:Source'"):
        found.source.create("quick", segzoo.EncoderRequest())


@pytest.mark.parametrize("index", ["nowhere", "m:", 3])
def test_an_index_is_a_module_and_a_class(index: object) -> None:
    with pytest.raises(segzoo.PluginError, match=r"needs an index 'package\.module:Class'"):
        segzoo.EncoderSpec(name="a", target="m:Source", index=index)


BROKEN_SOURCES = {
    "missing module": provides("encoders", "EncoderSpec(name='bad', target='nowhere:Source')"),
    "no source": provides("encoders", "EncoderSpec(name='bad', target='collections:OrderedDict')"),
    "constructor raises": source("bad", "x").replace(
        "def names", "def __init__(self): raise OSError\n        def names"
    ),
    "names raises": source("bad").replace("return []", "raise OSError"),
    "names are no strings": source("bad").replace("return []", "return [1, 2]"),
}


@pytest.mark.parametrize("bad", BROKEN_SOURCES.values(), ids=BROKEN_SOURCES)
def test_a_source_that_fails_is_left_out_with_one_warning(
    encoders: Path, monkeypatch: pytest.MonkeyPatch, bad: str
) -> None:
    before = segzoo.list_encoders()
    write_distribution(encoders, "bad", bad)
    discover_anew(monkeypatch)
    with pytest.warns(PluginWarning, match=r"left out: .*bad") as warned:
        assert segzoo.list_encoders() == segzoo.list_encoders() == before
    assert len(warned) == 1


@pytest.mark.filterwarnings("ignore::segzoo.host.discovery.PluginWarning")
def test_an_unknown_encoder_comes_with_the_sources_that_failed(encoders: Path) -> None:
    write_distribution(encoders, "bad", BROKEN_SOURCES["missing module"])
    with pytest.raises(segzoo.UnknownNameError, match=r"not loaded: encoder source bad:bad 1\.0 .*No module named"):
        sources.find_encoder("anything")


def test_a_source_that_was_named_and_fails_raises(path: Path) -> None:
    write_distribution(path, "bad", BROKEN_SOURCES["missing module"])
    with pytest.raises(segzoo.PluginError, match=r"bad:bad 1\.0 can't be loaded"):
        sources.find_encoder("bad:bad/anything")


def test_a_source_can_be_registered_at_run_time(encoders: Path) -> None:
    (encoders / "notebook.py").write_text("import segzoo\n" + source("own", "tiny"))
    segzoo.register(segzoo.EncoderSpec(name="own", target="notebook:Source"))
    assert sources.find_encoder("tiny").id == "runtime:own/tiny"


def test_no_two_sources_that_ship_with_segzoo_list_the_same_encoder() -> None:
    names = [found.name for found in sources.encoders().values() if found.shipped]
    assert len(names) == len(set(names)) > 6
