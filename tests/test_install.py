"""`segzoo install` and `segzoo uninstall`."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from listed import ship
from packaging.requirements import Requirement
from throwaway import IMPORT_RAISES, decoders, write_distribution

import segzoo
from segzoo.cli import environment, main

OCR = {"distribution": "segzoo-ocr", "summary": "s", "homepage": "https://example.org", "decoders": ["ocr", "shared"]}
KIT = {**OCR, "distribution": "segzoo-kit", "decoders": ["shared"]}
ELSES = {**OCR, "distribution": "elses-kit", "decoders": ["elses"]}
Environment = Callable[..., None]


def run(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=answer)


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would have been run."""
    commands: list[list[str]] = []

    def record(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        assert not options.get("shell")
        commands.append(command)
        return subprocess.CompletedProcess(command, 3 if "segzoo-fails" in command else 0)

    monkeypatch.setattr(environment.subprocess, "run", record)
    return commands


@pytest.fixture(autouse=True)
def listed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(monkeypatch, tmp_path_factory.mktemp("shipped"), OCR, KIT, ELSES)


@pytest.fixture
def make_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An environment made by conda or by uv, with segzoo installed by conda, with pip, with uv on the path, or not."""

    def make(conda: bool, segzoo_by_conda: bool, made_by_uv: bool, pip: bool, uv: bool) -> None:
        prefix = tmp_path / "prefix"
        prefix.mkdir()
        if conda:
            (prefix / "conda-meta").mkdir()
        (prefix / "pyvenv.cfg").write_text("home = /usr/bin\n" + ("uv = 0.9.2\n" if made_by_uv else ""))
        monkeypatch.setattr(sys, "prefix", str(prefix))
        monkeypatch.setattr(environment, "installer", lambda name: "conda" if segzoo_by_conda else "pip")
        monkeypatch.setattr(environment, "find_spec", lambda name: object() if pip else None)
        monkeypatch.setattr(environment.shutil, "which", lambda name: "/bin/uv" if uv and name == "uv" else None)
        monkeypatch.delenv("CONDA_EXE", raising=False)

    return make


@pytest.mark.parametrize(
    ("made_by_conda", "segzoo_by_conda", "made_by_uv", "pip", "uv", "tool"),
    [
        (False, False, False, True, False, "pip"),
        (False, False, False, True, True, "pip"),
        (False, False, True, False, True, "uv"),
        (False, False, True, True, True, "uv"),
        (False, False, True, True, False, "pip"),
        (False, False, True, False, False, "uv"),
        (False, False, False, False, True, "uv"),
        (True, True, False, True, True, "conda"),
        (True, False, False, True, True, "pip"),
        (True, False, False, False, False, "conda"),
    ],
)
def test_the_tool_is_that_of_the_environment(
    make_environment: Environment,
    made_by_conda: bool,
    segzoo_by_conda: bool,
    made_by_uv: bool,
    pip: bool,
    uv: bool,
    tool: str,
) -> None:
    make_environment(made_by_conda, segzoo_by_conda, made_by_uv, pip, uv)
    assert environment.tool() == tool


def test_an_environment_without_any_tool_says_how_to_get_one(make_environment: Environment) -> None:
    make_environment(False, False, False, pip=False, uv=False)
    with pytest.raises(segzoo.PluginError, match="-m ensurepip"):
        environment.tool()


@pytest.mark.parametrize("name", ["segzoo-ocr", "segzoo_ocr>=1.0,<2", "segzoo-ocr[fast]", "segzoo-torch", "elses.kit"])
@pytest.mark.parametrize("answer", ["n\n", "\n", ""], ids=["no", "the default", "nobody to ask"])
def test_what_pip_would_run_is_printed_and_not_run_unless_agreed(
    name: str, answer: str, nothing_runs: list[list[str]]
) -> None:
    result = run("install", name, answer=answer)
    assert result.stdout.split(" -m pip install ")[0] == sys.executable
    assert str(Requirement(name)) in result.stdout
    assert "Run it? [y/N]" in result.stderr
    assert result.stderr.endswith("Nothing was changed; --yes runs it without a question.\n")
    assert result.exit_code == 1
    assert nothing_runs == []


def test_what_was_printed_runs_when_agreed(nothing_runs: list[list[str]]) -> None:
    assert run("install", "segzoo-ocr", answer="y\n").exit_code == 0
    assert nothing_runs == [[sys.executable, "-m", "pip", "install", "segzoo-ocr"]]


def test_yes_runs_what_was_printed_without_a_question(nothing_runs: list[list[str]]) -> None:
    result = run("install", "--yes", "--upgrade", "segzoo-a", "segzoo-ocr>=1")
    assert result.exit_code == 0
    assert nothing_runs == [[sys.executable, "-m", "pip", "install", "--upgrade", "segzoo-a", "segzoo-ocr>=1"]]
    assert result.stdout == f"{sys.executable} -m pip install --upgrade segzoo-a 'segzoo-ocr>=1'\n"
    assert "Run it?" not in result.stderr


def test_what_the_directory_does_not_list_is_said(nothing_runs: list[list[str]]) -> None:
    assert "segzoo-b is not in segzoo's plugin directory: look at what it is" in run("install", "segzoo_b").stderr
    assert "directory" not in run("install", "segzoo-ocr").stderr


def test_a_command_that_fails_gives_its_status() -> None:
    assert run("install", "--yes", "segzoo-fails").exit_code == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("foo", "'foo' is not known to be a plugin: its name doesn't begin with 'segzoo-', and the plugin directory"),
        ("Torch>=2", "'torch' is not known to be a plugin"),
        ("segzoofoo", "'segzoofoo' is not known to be a plugin"),
        ("segzoo", "the distribution 'segzoo' is another project; segzoo's own is called 'segzoo-torch'"),
        ("Segzoo>=0.1", "the distribution 'segzoo' is another project; segzoo's own is called 'segzoo-torch'"),
        ("segzoo-ocr @ https://example.org/a.whl", "expected a name, got an address in"),
    ],
)
def test_what_is_not_known_to_be_a_plugin_is_refused(name: str, message: str, nothing_runs: list[list[str]]) -> None:
    result = run("install", "--yes", name)
    assert result.exit_code == 1
    assert message in result.stderr
    assert nothing_runs == []


def test_a_tool_that_can_not_be_run_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object, **options: object) -> None:
        raise FileNotFoundError("no such file")

    monkeypatch.setattr(environment.subprocess, "run", missing)
    result = run("install", "--yes", "segzoo-a")
    assert result.exit_code == 1
    assert result.stderr.endswith(f"Error: {sys.executable} can't be run: no such file\n")


def test_a_decoder_that_the_directory_knows_becomes_its_distribution() -> None:
    assert run("install", "ocr").stdout.endswith(" install segzoo-ocr\n")


def test_a_decoder_of_two_distributions_lists_them() -> None:
    result = run("install", "shared")
    assert result.exit_code == 1
    assert "say which: segzoo-ocr, segzoo-kit" in result.stderr


@pytest.mark.parametrize("name", ["--index-url=http://evil", "a b", "a; rm -rf /", "$(rm)", "../folder", "", "a\nb"])
def test_what_is_no_requirement_is_refused(name: str, nothing_runs: list[list[str]]) -> None:
    result = run("install", "--yes", "--", name)
    assert result.exit_code == 1
    assert "expected the name of a distribution" in result.stderr
    assert nothing_runs == []


def test_what_ships_needs_no_installing() -> None:
    assert "ships with segzoo: there is nothing to install" in run("install", "unet").stderr


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["install", "segzoo-a"], "/bin/uv pip install --python {python} segzoo-a"),
        (["install", "--upgrade", "segzoo-a"], "/bin/uv pip install --python {python} --upgrade segzoo-a"),
        (["uninstall", "segzoo-ocr"], "/bin/uv pip uninstall --python {python} segzoo-ocr"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_commands_of_uv(path: Path, make_environment: Environment, arguments: list[str], command: str) -> None:
    write_distribution(path, "segzoo-ocr", decoders("ocr"))
    make_environment(False, False, True, pip=False, uv=True)
    assert run(*arguments).stdout == f"{command.format(python=sys.executable)}\n"


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["install", "segzoo-a>=1"], "install --yes {where} 'segzoo-a>=1'"),
        (["install", "--upgrade", "segzoo-a"], "update --yes {where} segzoo-a"),
        (
            ["install", "--upgrade", "segzoo-a>=1"],
            "install --yes {where} 'segzoo-a>=1'",
        ),
        (["uninstall", "segzoo-ocr"], "remove --yes {where} segzoo-ocr"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_commands_of_conda(path: Path, make_environment: Environment, arguments: list[str], command: str) -> None:
    write_distribution(path, "segzoo-ocr", decoders("ocr"))
    make_environment(True, True, False, pip=True, uv=False)
    where = f"--prefix {sys.prefix}" + (" --channel conda-forge" if "install" in arguments else "")
    assert run(*arguments).stdout == f"conda {command.format(where=where)}\n"


@pytest.mark.parametrize("name", ["segzoo-a[extra]", "segzoo-a; python_version > '3'"])
def test_what_conda_has_no_notion_of_is_refused(make_environment: Environment, name: str) -> None:
    make_environment(True, True, False, pip=True, uv=False)
    assert "conda takes a name and versions" in run("install", name).stderr


@pytest.mark.parametrize("name", ["segzoo-ocr", "Segzoo_OCR", "entry", "segzoo-ocr:entry"])
def test_a_plugin_is_uninstalled_by_any_of_its_names(path: Path, name: str, nothing_runs: list[list[str]]) -> None:
    write_distribution(path, "segzoo-ocr", IMPORT_RAISES, entry_points="entry = segzoo_ocr")
    assert run("uninstall", name).stdout == f"{sys.executable} -m pip uninstall --yes segzoo-ocr\n"
    assert nothing_runs == []
    assert run("uninstall", "--yes", name).exit_code == 0
    assert run("uninstall", name, answer="y\n").exit_code == 0
    assert nothing_runs == 2 * [[sys.executable, "-m", "pip", "uninstall", "--yes", "segzoo-ocr"]]


def test_a_decoder_that_the_directory_knows_is_uninstalled_with_its_distribution(path: Path) -> None:
    write_distribution(path, "segzoo-kit", decoders("shared"))
    assert run("uninstall", "shared").stdout.endswith(" uninstall --yes segzoo-kit\n")


def test_what_conda_installed_is_removed_by_conda(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDA_EXE", "/opt/conda/bin/conda")
    for name, installer in (("ours", "pip"), ("theirs", "conda")):
        write_distribution(path, name, decoders(name))
        (path / f"{name}-1.0.dist-info" / "INSTALLER").write_text(f"{installer}\n")
    assert run("uninstall", "ours", "theirs").stdout.splitlines() == [
        f"/opt/conda/bin/conda remove --yes --prefix {sys.prefix} theirs",
        f"{sys.executable} -m pip uninstall --yes ours",
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unet", "'unet' ships with segzoo; SEGZOO_DISABLE_PLUGINS=unet goes without it"),
        ("segzoo", "'segzoo' ships with segzoo"),
        ("segzoo-torch", "'segzoo-torch' ships with segzoo"),
        ("torch", "no installed plugin or distribution of one is called 'torch'"),
        ("twin", "'twin' is a plugin of one and of two; name the distribution"),
    ],
)
def test_what_can_not_be_uninstalled_says_why(
    path: Path, name: str, message: str, nothing_runs: list[list[str]]
) -> None:
    write_distribution(path, "one", decoders("a"), entry_points="twin = one")
    write_distribution(path, "two", decoders("a"), entry_points="twin = two")
    result = run("uninstall", "--yes", name)
    assert result.exit_code == 1
    assert message in result.stderr
    assert nothing_runs == []


@pytest.mark.parametrize("arguments", [["install", "segzoo-a"], ["uninstall", "bad"]])
def test_no_plugin_is_loaded(path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    write_distribution(path, "bad", "from pathlib import Path\nPath(__file__).with_suffix('.imported').touch()")
    monkeypatch.undo()  # the process below is real
    command = [sys.executable, "-c", "from segzoo.cli import main; main()", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(path)}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environ, check=False)
    assert "Nothing was changed" in done.stderr
    assert not (path / "bad.imported").exists()
    subprocess.run([*command[:3], "plugins"], check=True, capture_output=True, env=environ)
    assert (path / "bad.imported").exists()


def test_an_installer_is_what_the_distribution_says(path: Path) -> None:
    write_distribution(path, "silent", "")
    assert environment.installer("silent") is None
    assert environment.installer("not-installed-at-all") is None
