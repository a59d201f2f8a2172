"""The packages in `examples/`, from wheel to row to prediction, as a stranger's would go."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from installed import ROOT, Environment, build
from PIL import Image

from segzoo import template
from segzoo.directory import read_directory

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EXAMPLES = sorted((ROOT / "examples").glob("segzoo-*"))
PUBLIC = {"segzoo", "segzoo.data", "segzoo.nn", "segzoo.options", "segzoo.testing"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_has_the_files_of_a_new_plugin(example: Path) -> None:
    module = example.name.removeprefix("segzoo-").replace("-", "_")
    common = (template.FILES / "common").rglob("*.template")
    written = {file.name.removesuffix(".template").replace("gitignore", ".gitignore") for file in common}
    assert {file.name for file in example.rglob("*") if file.is_file()} >= written
    assert (example / "src" / f"segzoo_{module}" / "__init__.py").is_file()
    assert (example / "tests" / f"test_{module}.py").is_file()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_announces_itself_and_depends_on_segzoo_by_its_distribution(example: Path) -> None:
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    assert project["name"] == example.name
    (module,) = project["entry-points"]["segzoo"].values()
    assert (example / "src" / module).is_dir()
    assert any(each.startswith("segzoo-torch>=") for each in project["dependencies"])


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_imports_public_names_alone(example: Path) -> None:
    for file in example.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            modules = [node.module] if isinstance(node, ast.ImportFrom) else []
            modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert {each for each in modules if each and each.partition(".")[0] == "segzoo"} <= PUBLIC


def test_the_examples_are_a_decoder_an_encoder_source_and_a_dataset() -> None:
    registering = "".join(file.read_text() for each in EXAMPLES for file in each.glob("src/*/__init__.py"))
    assert sorted(re.findall(r"def segzoo_(\w+)", registering)) == ["datasets", "decoders", "encoders"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of their wheels."""
    folder = tmp_path_factory.mktemp("index")
    for example in EXAMPLES:
        built = build(example, tmp_path_factory.mktemp("built"))
        built.rename(folder / built.name)
    return folder


@pytest.fixture(scope="module")
def equipped(environment: Environment, index: Path) -> Environment:
    """An environment with segzoo and the three, from their wheels."""
    for wheel in index.iterdir():
        environment.install(wheel)
    return environment


def segzoo(equipped: Environment, folder: Path, *arguments: object) -> str:
    return equipped.run(equipped.python.parent / "segzoo", *arguments, cwd=folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("distribution", "provides"),
    [
        ("segzoo-lw-refinenet", ["decoder lw-refinenet"]),
        ("segzoo-rle", ["dataset rle"]),
        ("segzoo-shufflenet", ["encoder source shufflenet"]),
    ],
)
def test_a_wheel_becomes_a_row(equipped: Environment, tmp_path: Path, distribution: str, provides: list[str]) -> None:
    rows = json.loads(segzoo(equipped, tmp_path, "plugins", "--json"))
    (row,) = (row for row in rows if row["distribution"] == distribution)
    assert (row["status"], row["provides"], row["version"]) == ("ready", provides, "0.1.0")


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda folder: folder.name)
def test_its_own_tests_pass(equipped: Environment, example: Path) -> None:
    command = (equipped.python, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert " passed" in equipped.run(*command, cwd=example)


@pytest.mark.slow
def test_the_directory_s_check_passes_them(index: Path, tmp_path: Path) -> None:
    file = tmp_path / "directory.json"
    common = {"summary": "an example", "homepage": "https://example.org"}
    entries = [
        {"distribution": "segzoo-lw-refinenet", "decoders": ["lw-refinenet"], **common},
        {"distribution": "segzoo-shufflenet", "encoders": ["shufflenet_v2_x0_5"], **common},
        {"distribution": "segzoo-rle", "datasets": ["rle"], **common},
    ]
    file.write_text(json.dumps({"format": 1, "plugins": entries}))
    tool = [sys.executable, ROOT / "tools" / "check_directory.py"]
    subprocess.run([*tool, "--file", file, "--no-index", "--find-links", index], check=True)
    listings = read_directory(file.read_bytes(), "here").listings
    results = [listing.conformance for listing in listings if listing.conformance]
    assert [(result.error, result.passed) for result in results] == [(None, True)] * 3
    assert {"sizes", "onnx"} <= set(results[0].findings["decoder lw-refinenet"].passed)
    assert "spec" in results[1].findings["encoder shufflenet_v2_x0_5"].passed


@pytest.mark.slow
def test_the_three_train_a_model_together_that_predicts(equipped: Environment, tmp_path: Path) -> None:
    images, rows = tmp_path / "steel" / "train_images", ["ImageId,EncodedPixels"]
    images.mkdir(parents=True)
    for number in range(8):
        picture = np.zeros((64, 64, 3), np.uint8)
        picture[:, 8 * number :] = 255
        Image.fromarray(picture).save(images / f"{number}.png")
        rows.append(f"{number}.png,{64 * 8 * number + 1} {64 * (64 - 8 * number)}")
    (tmp_path / "steel" / "train.csv").write_text("\n".join(rows) + "\n")
    pair = ("--encoder", "shufflenet_v2_x0_5", "--decoder", "lw-refinenet", "--no-pretrained")
    segzoo(equipped, tmp_path, "train", "steel", *pair, "--steps", 4, "--output", "run")
    plan = json.loads((tmp_path / "run" / "model" / "config.json").read_text())["plan"]
    assert plan["encoder"]["id"] == "segzoo-shufflenet:shufflenet/shufflenet_v2_x0_5"
    assert plan["decoder"]["id"] == "segzoo-lw-refinenet:lw-refinenet"
    segzoo(equipped, tmp_path, "predict", "run/model", images / "3.png", "--output", "maps", "--no-overlay")
    (written,) = (tmp_path / "maps").glob("*.png")
    assert Image.open(written).size == (64, 64)
