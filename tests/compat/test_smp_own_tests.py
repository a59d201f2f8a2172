"""SMP's own tests against `segzoo.compat.smp`, and which of them fail, and why: docs/compat.md has the list.

The source distribution holds few of them. Those of the models are in SMP's repository: SMP_CHECKOUT names a copy.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import pytest

HERE = Path(__file__).parents[1]
NAMES_OF_MODULES = {
    "test_from_pretrained_with_mismatched_keys",
    *(f"Test{name}Model.test_interpolation" for name in ("Unet", "UnetPlusPlus", "Manet", "Fpn", "Pan")),
}
"""They ask for modules within the model by SMP's names."""
SIZES = {"TestFpnModel.test_in_channels_and_depth_and_out_classes"}
"""SMP's logits are four times the image's size there."""


@pytest.fixture(scope="module")
def distribution(tmp_path_factory):
    """The folder of the source distribution."""
    folder = tmp_path_factory.mktemp("smp")
    wanted = f"segmentation-models-pytorch=={version('segmentation-models-pytorch')}"
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", ":all:", "--no-build-isolation"]
    done = subprocess.run([*pip, "--dest", str(folder), wanted], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"SMP's source distribution can't be had: {done.stderr[-300:]}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    (unpacked,) = (each for each in folder.iterdir() if each.is_dir())
    return unpacked


@pytest.fixture
def checkout():
    """A folder of SMP's repository."""
    if "SMP_CHECKOUT" not in os.environ:
        pytest.skip("SMP_CHECKOUT names no checkout of SMP's repository, which has the tests of its models")
    return Path(os.environ["SMP_CHECKOUT"])


def outcomes(folder, report, *tests):
    """How many tests ran, and the names of those that failed."""
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pytest", "-p", "smp_replaced", "-p", "no:cacheprovider", "-W", "ignore"]
    subprocess.run(
        [*command, f"--junitxml={report}", *tests],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        check=False,
    )
    cases = ElementTree.parse(report).findall(".//testcase")
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return len(cases), {_name(case) for case in failed}


def _name(case):
    owner = case.get("classname").rpartition(".")[2]
    return f"{owner}.{case.get('name')}" if owner.startswith("Test") else case.get("name")


@pytest.mark.slow
def test_those_of_the_source_distribution(distribution, tmp_path):
    count, failed = outcomes(distribution, tmp_path / "report.xml", "tests")
    assert count > 30
    assert failed == NAMES_OF_MODULES & {"test_from_pretrained_with_mismatched_keys"}


@pytest.mark.exhaustive
def test_those_of_the_models(checkout, tmp_path):
    count, failed = outcomes(checkout, tmp_path / "report.xml", "tests/models")
    assert count >= 115
    assert failed == (NAMES_OF_MODULES | SIZES) - {"test_from_pretrained_with_mismatched_keys"}
