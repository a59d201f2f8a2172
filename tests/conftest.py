import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import mmseg_fork
import peers
import pytest
import torch
from freshly import discover_anew
from hypothesis import settings
from installed import ROOT, Environment, build

# A change is accepted or not for what it changes, not for which example was drawn.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

os.environ["SEGZOO_DIRECTORY"] = "off"  # no test asks the world, nor does a process that one starts


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is exhaustive isn't slow too: a parameter may be marked for the sake of another test."""
    for item in items:
        if item.get_closest_marker("exhaustive"):
            item.own_markers = [mark for mark in item.own_markers if mark.name != "slow"]


@pytest.fixture(autouse=True)
def seed() -> None:
    """The same random weights and images in every run, whichever tests went before."""
    torch.manual_seed(0)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of throw-away distributions beside those that ship with segzoo; new processes see it too."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    discover_anew(monkeypatch)
    yield tmp_path
    for module in set(sys.modules) - known:
        if (tmp_path / f"{module}.py").exists():
            del sys.modules[module]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built segzoo."""
    return build(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Environment:
    """An environment with a built segzoo."""
    environment = Environment(tmp_path_factory.mktemp("env") / "env")
    environment.install(wheel)
    return environment


@pytest.fixture(scope="session")
def mmseg(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The decode heads of mmsegmentation's kept fork; tests that use it are slow."""
    return mmseg_fork.install(tmp_path_factory.mktemp("mmseg"))


@pytest.fixture(scope="session")
def nnunet_peer(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """nnU-Net's architectures; tests that use them are slow."""
    peers.install(["dynamic-network-architectures==0.4.4"], tmp_path_factory.mktemp("nnunet"), "SEGZOO_NNUNET")
    return importlib.import_module("dynamic_network_architectures.architectures.unet")


@pytest.fixture(scope="session")
def monai(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """MONAI's networks; tests that use them are slow."""
    peers.install(["monai==1.6.1"], tmp_path_factory.mktemp("monai"), "SEGZOO_MONAI")
    return importlib.import_module("monai.networks.nets")
