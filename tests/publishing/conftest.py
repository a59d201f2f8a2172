import shutil
import socket
from pathlib import Path

import pytest
import torch
from published import small_model

import segzoo


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="session")
def model() -> segzoo.SegmentationModel:
    torch.manual_seed(0)
    return small_model()


@pytest.fixture(scope="session")
def pristine(model: segzoo.SegmentationModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    model.save_pretrained(folder, labels=segzoo.Labels(("road", "sky", "tree"), ((1, 2, 3), (4, 5, 6), (7, 8, 9))))
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """A folder of one's own to damage."""
    return Path(shutil.copytree(pristine, tmp_path / "model"))
