"""`segzoo new`: what it writes works as it is, and it writes all or nothing."""

import email
import json
import shutil
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from freshly import discover_anew
from installed import Environment, build
from packaging.requirements import Requirement

import segzoo
from segzoo import template
from segzoo.cli import main
from segzoo.template import KINDS, Kind, Names, write_plugin

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

AUTHOR = 'Ada "Countess" Lovelace'


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["new", *arguments])


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("decoder", "ocr", ("segzoo-ocr", "segzoo_ocr", "OcrDecoder")),
        ("neck", "wide_bend2", ("segzoo-wide-bend2", "segzoo_wide_bend2", "WideBend2Neck")),
        ("encoder", "object-context", ("segzoo-object-context", "segzoo_object_context", "ObjectContextEncoder")),
        ("decoder", "my-decoder", ("segzoo-my-decoder", "segzoo_my_decoder", "MyDecoder")),
    ],
)
def test_names_follow_from_one(kind: Kind, name: str, expected: tuple[str, str, str]) -> None:
    names = Names.of(kind, name)
    assert (names.distribution, names.package, names.class_name) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_complete(tmp_path: Path, kind: Kind) -> None:
    folder = write_plugin(kind, "mine", tmp_path / "plugin", AUTHOR)
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert written >= {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        ".gitignore",
        ".github/workflows/tests.yml",
        "src/segzoo_mine/__init__.py",
        f"src/segzoo_mine/{kind}.py",
        "tests/test_mine.py",
    }
    assert len(written) == len(list(_sources("common", kind)))


def _sources(*folders: str) -> list[Path]:
    return [path for folder in folders for path in (template.FILES / folder).rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left_to_fill_in(tmp_path: Path, kind: Kind) -> None:
    folder = write_plugin(kind, "mine", tmp_path / "plugin", AUTHOR)
    for path in folder.rglob("*"):
        text = path.read_text() if path.is_file() else ""
        assert "$" not in text.replace("${{ matrix.python-version }}", "")
        assert "[yyyy]" not in text
        assert "TODO" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_linters_agree_with_what_is_written(tmp_path: Path, kind: Kind) -> None:
    folder = write_plugin(kind, "mine", tmp_path / "plugin", AUTHOR)
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--select", "E,F,I,B,UP,N,SIM,C4,RUF,PT"], ["format", "--check"]):
        done = subprocess.run([*ruff, *command, "--line-length", "120"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_the_licence_names_author_and_year(tmp_path: Path) -> None:
    folder = write_plugin("decoder", "mine", tmp_path / "plugin", AUTHOR)
    assert f"Copyright {date.today().year} {AUTHOR}\n" in (folder / "LICENSE").read_text()


def test_the_metadata_announce_the_plugin(tmp_path: Path) -> None:
    folder = write_plugin("decoder", "my-own", tmp_path / "plugin", AUTHOR)
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["name"] == "segzoo-my-own"
    assert project["entry-points"] == {"segzoo": {"my-own": "segzoo_my_own"}}
    assert project["authors"] == [{"name": AUTHOR}]
    assert project["dependencies"] == [f"segzoo-torch>={segzoo.__version__}"]
    assert "test" in project["optional-dependencies"]


def install(folder: Path, site: Path) -> None:
    """Put a written plugin on a path, as pip does: its package, and its metadata."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    for package in (folder / "src").iterdir():
        package.rename(site / package.name)
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{name} = {module}" for name, module in project["entry-points"]["segzoo"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[segzoo]", *lines, ""]))


@pytest.mark.parametrize(
    ("kind", "parts", "options"),
    [
        ("decoder", ("resnet18", "decoder_made"), {}),
        ("encoder", ("encoder_made", "unet"), {}),
        ("neck", ("vit_tiny_patch16_224", "fpn"), {"neck": "neck_made"}),
    ],
)
def test_it_works_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind, parts: tuple[str, str], options: dict[str, str]
) -> None:
    install(write_plugin(kind, f"{kind}_made", path / "plugin", AUTHOR), path)
    discover_anew(monkeypatch)  # the name was looked up before the plugin was there
    (info,) = (info for info in segzoo.plugins() if info.distribution == f"segzoo-{kind}-made")
    assert (info.status, info.name, info.error) == ("ready", f"{kind}_made", None)
    with torch.device("meta"):
        model = segzoo.create_model(*parts, classes=3, **options)
        assert model(torch.rand(2, 3, 97, 131)).shape == (2, 3, 97, 131)


def test_the_command_says_what_is_next(tmp_path: Path) -> None:
    result = run("decoder", "mine", "--output", str(tmp_path / "a" / "b"), "--author", AUTHOR)
    assert result.exit_code == 0
    assert (tmp_path / "a" / "b" / "pyproject.toml").is_file()
    assert f"  cd {tmp_path / 'a' / 'b'}\n" in result.stdout
    assert "  segzoo check mine\n" in result.stdout


def test_the_folder_is_named_after_the_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("neck", "mine", "--author", AUTHOR).exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["segzoo-mine"]


def test_the_author_is_who_git_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Grace Hopper")
    folder = write_plugin("decoder", "mine", tmp_path / "plugin")
    assert "Grace Hopper" in (folder / "LICENSE").read_text()


@pytest.mark.parametrize("author", ["", "  ", "two\nlines"])
def test_an_author_that_nobody_knows_is_asked_for(tmp_path: Path, author: str) -> None:
    with pytest.raises(segzoo.OptionError, match="--author"):
        write_plugin("decoder", "mine", tmp_path / "plugin", author)


@pytest.mark.parametrize(
    "name", ["", "Mine", "2fast", "my net", "my--net", "-mine", "mine-", "mine_", "a.b", "a/b", "../a", "mine\n", "ö"]
)
def test_a_name_that_is_not_valid_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(segzoo.OptionError, match="lower-case letters"):
        write_plugin("decoder", name, tmp_path / "plugin", AUTHOR)
    assert not list(tmp_path.iterdir())


def test_a_name_with_the_prefix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(segzoo.OptionError, match="give 'ocr' as NAME"):
        write_plugin("decoder", "segzoo-ocr", tmp_path / "plugin", AUTHOR)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("decoder", "unet"),
        ("decoder", "deeplabv3plus"),
        ("decoder", "deeplab"),
        ("decoder", "timm"),
        ("decoder", "torch"),
        ("encoder", "resnet18"),
        ("encoder", "mit_b0"),
        ("neck", "simple_pyramid"),
        ("neck", "unet"),
    ],
)
def test_a_name_that_ships_is_refused(tmp_path: Path, kind: Kind, name: str) -> None:
    with pytest.raises(segzoo.OptionError, match=f"'{name}' ships with segzoo"):
        write_plugin(kind, name, tmp_path / "plugin", AUTHOR)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    result = run("decoder", "mine", "--output", str(tmp_path), "--author", AUTHOR)
    assert result.exit_code == 1
    assert "exists and holds something" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "plugin").write_text("mine")
    with pytest.raises(segzoo.OptionError, match="exists and holds something"):
        write_plugin("decoder", "mine", tmp_path / "plugin", AUTHOR)
    assert (tmp_path / "plugin").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "plugin").mkdir()
    write_plugin("decoder", "mine", tmp_path / "plugin", AUTHOR)
    assert (tmp_path / "plugin" / "pyproject.toml").is_file()


@pytest.mark.parametrize("existing", [True, False])
def test_nothing_is_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool) -> None:
    folder = tmp_path / "plugin"
    if existing:
        folder.mkdir()
    written: list[Path] = []
    write_text = Path.write_text

    def full_disk(self: Path, text: str, **options: str) -> int:
        if len(written) == 3:
            raise OSError("no space left on device")
        written.append(self)
        return write_text(self, text, **options)

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(segzoo.OptionError, match="can't be written: no space left on device"):
        write_plugin("decoder", "mine", folder, AUTHOR)
    assert len(written) == 3
    assert list(tmp_path.iterdir()) == ([folder] if existing else [])
    assert not existing or not list(folder.iterdir())


def test_what_is_written_has_ordinary_permissions(tmp_path: Path) -> None:
    (tmp_path / "ordinary").mkdir()
    folder = write_plugin("decoder", "mine", tmp_path / "plugin", AUTHOR)
    assert folder.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


# Installed for real


def write_empty_wheel(folder: Path, name: str, version: str) -> None:
    """What an index may hold for somebody else's distribution."""
    stem = f"{name.replace('-', '_')}-{version}"
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as archive:
        for file, text in files.items():
            archive.writestr(f"{stem}.dist-info/{file}", text)


@pytest.mark.slow
def test_a_plugin_pulls_in_ours_and_not_the_other_project_called_segzoo(wheel: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir()
    shutil.copy(wheel, index)
    shutil.copy(build(write_plugin("decoder", "pulling", tmp_path / "plugin", AUTHOR), tmp_path), index)
    write_empty_wheel(index, "segzoo", "1.0.13")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        requires = email.message_from_bytes(archive.read(metadata)).get_all("Requires-Dist", [])
    for needed in (Requirement(line) for line in requires if "extra ==" not in line):
        write_empty_wheel(index, needed.name, next(each.version for each in needed.specifier if each.operator == ">="))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--dry-run"]
    only_here = ["--ignore-installed", "--no-index", "--find-links", index, "--report", tmp_path / "report.json"]
    subprocess.run([*pip, *only_here, "segzoo-pulling"], check=True)
    installed = json.loads((tmp_path / "report.json").read_text())["install"]
    versions = {each["metadata"]["name"]: each["metadata"]["version"] for each in installed}
    assert versions["segzoo-torch"] == segzoo.__version__
    assert "segzoo" not in versions


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_is_written_built_installed_tested_and_used(
    environment: Environment, tmp_path: Path, kind: Kind
) -> None:
    scripts, python, name = environment.python.parent, environment.python, f"brand-new-{kind}"
    where = environment.run(python, "-c", "import segzoo; print(segzoo.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(environment.folder)

    environment.run(scripts / "segzoo", "new", kind, name, "--author", AUTHOR, cwd=tmp_path)
    plugin = tmp_path / f"segzoo-{name}"
    environment.install(build(plugin, tmp_path))
    shown = json.loads(environment.run(scripts / "segzoo", "plugins", "show", name, "--json", cwd=tmp_path))
    assert [(row["status"], row["distribution"]) for row in shown] == [("ready", f"segzoo-{name}")]
    assert Path(shown[0]["location"]).is_relative_to(environment.folder)

    tested = environment.run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=plugin)
    assert "passed" in tested

    parts = {"decoder": ["resnet18", name], "encoder": [name, "unet"], "neck": ["vit_tiny_patch16_224", "fpn"]}[kind]
    neck = name if kind == "neck" else "auto"
    planned = json.loads(environment.run(scripts / "segzoo", "plan", *parts, "--neck", neck, "--json", cwd=tmp_path))
    assert planned[kind]["id"].startswith(f"segzoo-{name}:{name}")
    code = (
        "import segzoo, torch\n"
        f"model = segzoo.create_model({parts[0]!r}, {parts[1]!r}, neck={neck!r}, classes=3).eval()\n"
        "print(tuple(model(torch.rand(1, 3, 97, 131)).shape))"
    )
    assert environment.run(python, "-c", code, cwd=tmp_path) == "(1, 3, 97, 131)\n"
