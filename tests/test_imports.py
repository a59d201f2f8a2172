import subprocess
import sys
from pathlib import Path

import pytest
from throwaway import IMPORT_RAISES, decoders, write_distribution

RUN = "import segzoo.cli; segzoo.cli.main({arguments!r}, standalone_mode=False)"


def loads_torch(code: str) -> bool:
    check = f"import click, sys\n{code}\nsys.stderr.write('torch' if 'torch' in sys.modules else 'no torch')"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", check], capture_output=True, text=True, check=True)
    return done.stderr == "torch"


@pytest.mark.parametrize(
    "code",
    [
        "import segzoo",
        "import segzoo; dir(segzoo)",
        "import segzoo; segzoo.plugins()",
        "import segzoo; assert segzoo.list_decoders()",
        "import segzoo; segzoo.register(segzoo.DecoderSpec(name='mine', target='m:Mine'))",
        "import segzoo.host.hookspecs, segzoo.host.registry, segzoo.host.discovery, segzoo.contract, segzoo.contract",
    ],
)
def test_torch_is_not_imported_by(code: str) -> None:
    assert not loads_torch(code)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["decoders"],
        ["decoders", "--json"],
        ["encoders"],
        ["encoders", "resnet*", "--json"],
        ["encoders", "*net*", "--max-params", "20M", "--sort", "params"],
        ["encoders", "resnet50.a1_in1k"],
        ["encoders", "mit_b0"],
        ["plugins"],
        ["plan", "--help"],
        ["demo", "--help"],
        ["studio", "--help"],
    ],
    ids=" ".join,
)
def test_torch_is_not_imported_by_the_command(arguments: list[str]) -> None:
    assert not loads_torch(RUN.format(arguments=arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ["encoders", "nosuch"],
        ["encoders", "nosuch*"],
        ["decoders", "nosuch"],
        ["plan", "nosuch", "unet"],
        ["plan", "resnet50", "nosuch"],
        ["plan", "unet", "resnet50"],
        ["bench", "nosuch", "unet"],
        ["compare", "data", "--encoder", "nosuch", "--decoder", "unet"],
        ["train", "data", "--encoder", "nosuch", "--decoder", "unet", "--output", "run"],
    ],
    ids=" ".join,
)
def test_torch_is_not_imported_to_tell_a_typing_error(arguments: list[str]) -> None:
    run = RUN.format(arguments=arguments)
    assert not loads_torch(f"try: {run}\nexcept click.ClickException: pass\nelse: raise AssertionError")


def test_torch_is_not_imported_when_a_plugin_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(tmp_path, "bad", IMPORT_RAISES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert not loads_torch(
        "import segzoo; assert [i.id for i in segzoo.plugins() if i.status == 'broken'] == ['bad:bad']"
    )


def test_torch_is_imported_by_an_encoder_so_that_this_test_can_tell() -> None:
    assert loads_torch("import segzoo; segzoo.Encoder")


# Fast starts: the modules that are loaded are guarded, since time can't be; benchmarks/startup.py measures it

HEAVY = {"asyncio", "concurrent", "http", "multiprocessing", "sqlite3", "ssl", "unittest", "xml"}
"""Of the standard library."""
PLUGINS = 20


@pytest.fixture
def twenty_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(PLUGINS):
        write_distribution(tmp_path, f"extra{number}", decoders(f"extra_decoder{number}"))
        (tmp_path / f"extra{number}_decoder.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def loaded(code: str) -> set[str]:
    """The modules that some code loads, beyond those that Python starts with."""
    report = f"import sys\nbefore = set(sys.modules)\n{code}\nsys.stderr.write(' '.join(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def third_party(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules} - sys.stdlib_module_names


@pytest.mark.usefixtures("twenty_plugins")
def test_importing_segzoo_loads_next_to_nothing() -> None:
    modules = loaded("import segzoo")
    assert third_party(modules) == {"segzoo", "lazy_loader"}
    assert {module for module in modules if module.startswith("segzoo")} == {"segzoo", "segzoo.namesake"}
    assert HEAVY.isdisjoint(modules)
    assert "importlib.metadata" not in modules


@pytest.mark.usefixtures("twenty_plugins")
@pytest.mark.parametrize("command", ["decoders", "plugins"])
def test_listing_loads_what_registers_and_nothing_else(command: str) -> None:
    modules = loaded(RUN.format(arguments=[command]))
    extras = {module for module in modules if module.startswith("extra")}
    assert extras == {f"extra{number}" for number in range(PLUGINS)}
    allowed = {"segzoo", "lazy_loader", "click", "pluggy", "tabulate", "wcwidth"}
    assert {module for module in third_party(modules) if not module.startswith("segzoo_")} - extras <= allowed
    assert not {module for module in modules if module.startswith("segzoo_") and "." in module}
    assert HEAVY.isdisjoint(modules)
