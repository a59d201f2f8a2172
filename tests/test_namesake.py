"""The other project called segzoo: nobody is led to it, and where it is installed, that is said."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from segzoo import namesake

ROOT = Path(__file__).parent.parent
TEXTS = {".md", ".py", ".pyi", ".toml", ".template", ".yml", ".html"}
OURS = re.compile(r"segzoo-[a-z$]")
"""Our own distribution, or a plugin's."""


def tracked() -> list[Path]:
    """The texts that people are given: tests, and what older versions saved, are not."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    paths = [path for path in map(Path, listed) if path.parts[0] != "tests"]
    return [ROOT / path for path in paths if path.suffix in TEXTS or path.parent.name == ".ci"]


def led_astray(text: str) -> list[str]:
    """Where a text has the other project installed, or required."""
    commands = re.findall(r"(?:pip|conda|uv) (?:install|download|add)\b[^`\n\\&;]*", text)
    named = [word for command in commands for word in re.findall(r"(?<![\w/.-])segzoo[\w\[\]$<>=~.-]*", command)]
    required = re.findall(r"""["'](segzoo(?:\[[\w,]*\])?\s*(?:[<>=~!]=?[^"']*)?)["']""", text)
    required = [each for each in required if each != "segzoo"]  # the import, or the command
    pages = re.findall(r"pypi\.org/project/(segzoo\b[\w-]*)", text)
    return [each for each in (*named, *required, *pages) if not OURS.match(each)]


@pytest.mark.parametrize(
    "text",
    ["pip install segzoo", "pip install -U segzoo\n", 'pip install "segzoo[demo]"', 'dependencies = ["segzoo>=0.1.0"]',
     'test = ["segzoo[demo]"]', "see https://pypi.org/project/segzoo/", "conda install torch segzoo"],
)  # fmt: skip
def test_a_text_that_leads_astray_would_be_found(text: str) -> None:
    assert led_astray(text)


def test_no_text_leads_to_the_other_project() -> None:
    found = {str(path.relative_to(ROOT)): led_astray(path.read_text(encoding="utf-8")) for path in tracked()}
    assert len(found) > 100
    assert {path: said for path, said in found.items() if said} == {}


def test_readme_and_tutorial_say_how_ours_is_called() -> None:
    for page in ("README.md", "docs/tutorial.md"):
        assert "pip install segzoo-torch" in (ROOT / page).read_text(encoding="utf-8")


# Where it is installed


def metadata(folder: Path, name: str) -> None:
    (folder / name).mkdir(parents=True)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("segzoo-1.0.13.dist-info", "1.0.13"),
        ("segzoo-1.0.13-py3.11.egg-info", "1.0.13"),
        ("segzoo_torch-0.1.0.dist-info", None),
        ("segzoo-torch-0.1.0.dist-info", None),
        ("segzoo_ocr-1.0.dist-info", None),
        ("segzoo-demo", None),
        ("segzoo", None),
    ],
)
def test_its_metadata_tell_that_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, version: str | None
) -> None:
    metadata(tmp_path, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "nowhere"), str(tmp_path)])
    assert namesake.installed() == version


IMPORTS = "import warnings, segzoo; warnings.simplefilter('always'); import segzoo; print('torch' in sys.modules)"


def test_the_import_says_so_once_and_stays_light(tmp_path: Path) -> None:
    metadata(tmp_path, "segzoo-1.0.13.dist-info")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(tmp_path)!r}); {IMPORTS}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr.count("UserWarning: the distribution 'segzoo' 1.0.13 is installed too: that is another") == 1
    assert "pip install --force-reinstall --no-deps segzoo-torch" in done.stderr
    assert done.stderr.startswith("<string>:1: ")  # who imports it
    assert done.stdout == "False\n"


def test_the_import_says_nothing_where_ours_is_alone() -> None:
    done = subprocess.run([sys.executable, "-c", f"import sys; {IMPORTS}"], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_the_doctor_answers_where_the_other_project_was_installed_over_ours(tmp_path: Path) -> None:
    """Its `segzoo/__init__.py` is all that takes the place of a file of ours."""
    shutil.copytree(ROOT / "segzoo", tmp_path / "segzoo", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "segzoo" / "__init__.py").write_text("from .version import __version__\n")
    (tmp_path / "segzoo" / "version.py").write_text('__version__ = "1.0.13"\n')
    metadata(tmp_path, "segzoo-1.0.13.dist-info")
    (tmp_path / "torch.py").write_text("raise ImportError('not here')")
    done = subprocess.run(
        [sys.executable, "-m", "segzoo.cli", "doctor", "--json"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    first = json.loads(done.stdout)["problems"][0]
    assert first["what"].startswith("the distribution 'segzoo' 1.0.13 is installed too")
    assert first["fix"] == namesake.FIX
