"""`segzoo doctor`. What it examines is made worse by modules and distributions that stand first on the path."""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from throwaway import IMPORT_RAISES, decoder, decoders, provides, write_distribution

import segzoo
from segzoo.cli import doctor as command

Doctor = Callable[..., dict[str, Any]]
TOGETHER = "reinstall torch and torchvision together, from one index or channel"
MISSING_LIBRARY = "raise ImportError('libcudart.so.99: cannot open shared object file')"
ABORT = "import os; os.abort()"


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Runs the command; its JSON, with the exit status."""

    def doctor(*options: str, **environ: str) -> Any:
        command = [sys.executable, "-c", "from segzoo.cli import main; main()", "doctor", *(options or ["--json"])]
        environ = {**os.environ, "PYTHONPATH": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), **environ}
        done = subprocess.run(command, capture_output=True, text=True, env=environ)
        assert done.stderr == ""
        return done.stdout if options else {**json.loads(done.stdout), "status": done.returncode}

    return doctor


def whats(found: dict[str, Any]) -> list[str]:
    return [problem["what"] for problem in found["problems"]]


@pytest.mark.slow
def test_a_healthy_installation_has_nothing_to_fix(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "weights").write_bytes(b"x" * 1500)
    (tmp_path / "hub" / "link").symlink_to(tmp_path / "hub" / "weights")
    found = doctor()
    assert (found["status"], found["problems"]) == (0, [])
    assert (found["segzoo"], found["executable"]) == (segzoo.__version__, sys.executable)
    assert found["libraries"] == {name: importlib.metadata.version(name) for name in ("torch", "torchvision", "timm")}
    assert found["devices"][0].startswith("cpu (")
    assert {(plugin["distribution"], plugin["status"]) for plugin in found["plugins"]} == {("segzoo-torch", "ready")}
    assert found["caches"][str(tmp_path / "hub")] == 1500
    assert len(found["caches"]) == 2


@pytest.mark.slow
def test_plugins_in_trouble_are_to_be_fixed(doctor: Doctor, tmp_path: Path) -> None:
    write_distribution(tmp_path, "bad", IMPORT_RAISES)
    write_distribution(tmp_path, "hollow", provides("decoders", decoder("hollow", target="hollow_decoder:Hollow")))
    write_distribution(tmp_path, "future", provides("decoders", decoder("future", api=99)))
    write_distribution(tmp_path, "silenced", IMPORT_RAISES)
    found = doctor(SEGZOO_STRICT_PLUGINS="1", SEGZOO_DISABLE_PLUGINS="silenced, mispelt")
    assert found["status"] == 1
    starts = [
        "SEGZOO_DISABLE_PLUGINS names 'mispelt', and no installed plugin is called that",
        "plugin bad:bad 1.0 is broken: RuntimeError: no GPU today",
        "plugin future:future 1.0 is incompatible: decoder 'future' is made for plugin api 99",
        "plugin hollow:hollow 1.0 is broken: decoder hollow:hollow 1.0 can't be loaded from 'hollow_decoder:Hollow'",
    ]
    assert [what[: len(start)] for what, start in zip(whats(found), starts, strict=True)] == starts
    assert found["problems"][1]["fix"] == "upgrade it, `segzoo uninstall bad`, or SEGZOO_DISABLE_PLUGINS=bad:bad"


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (MISSING_LIBRARY, "torch can't be imported: ImportError: libcudart.so.99: cannot open"),
        ("raise SystemExit(3)", "torch can't be imported: SystemExit: 3"),
        (ABORT, "torch can't be imported: the process ended with SIGABRT"),
        ("import os; os._exit(0)", "torch can't be imported: the process ended with status 0"),
    ],
)
def test_a_broken_torch_is_said_once_and_the_rest_goes_on(
    doctor: Doctor, tmp_path: Path, code: str, problem: str
) -> None:
    (tmp_path / "torch.py").write_text(code)
    found = doctor()
    assert found["status"] == 1
    assert [what[: len(problem)] for what in whats(found)] == [problem]
    assert found["problems"][0]["fix"] == TOGETHER
    assert {plugin["status"] for plugin in found["plugins"]} == {"ready"}
    assert str(tmp_path / "hub") in found["caches"]
    assert found["devices"] == []


def test_a_broken_torchvision_is_said_once(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    found = doctor()
    assert whats(found) == ["torchvision can't be imported: RuntimeError: operator torchvision::nms does not exist"]
    assert found["devices"][0].startswith("cpu (")


def test_versions_that_do_not_match_are_to_be_fixed(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(MISSING_LIBRARY)
    for name, version in (("torch", "2.4.0"), ("torchvision", "0.30.0"), ("timm", "0.9.0")):
        info = tmp_path / f"{name}-{version}.dist-info"
        info.mkdir()
        needs = "Requires-Dist: torch==2.5.0\n" if name == "torchvision" else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
    found = doctor()
    assert found["libraries"] == {"torch": "2.4.0", "torchvision": "0.30.0", "timm": "0.9.0"}
    assert {"what": "torchvision needs torch==2.5.0, and torch 2.4.0 is installed", "fix": TOGETHER} in found[
        "problems"
    ]
    assert any(what.startswith("segzoo-torch needs timm>=") for what in whats(found))


def test_what_a_plugin_requires_is_checked(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(MISSING_LIBRARY)
    write_distribution(tmp_path, "picky", decoders("picky"))
    metadata = tmp_path / "picky-1.0.dist-info" / "METADATA"
    needs = [
        "segzoo-torch>=99",
        "segzoo>=0.1",
        "no-such-thing",
        "not-asked-for; extra == 'test'",
        "not-here; python_version < '3'",
        "click",
    ]
    metadata.write_text(metadata.read_text() + "".join(f"Requires-Dist: {each}\n" for each in needs))
    problems = doctor()["problems"]
    assert [problem["what"] for problem in problems[:3]] == [
        f"picky needs segzoo-torch>=99, and segzoo-torch {segzoo.__version__} is installed",
        "picky needs the distribution 'segzoo', which is another project",
        "picky needs no-such-thing, and no-such-thing is not",
    ]
    assert problems[1]["fix"] == "ask its author to require 'segzoo-torch' instead"
    assert problems[2]["fix"].endswith("install no-such-thing`")


def test_a_plugin_that_ends_the_process_is_to_be_fixed(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(MISSING_LIBRARY)
    write_distribution(tmp_path, "fatal", ABORT)
    assert whats(doctor())[-1] == "plugins can't be examined: the process ended with SIGABRT"


def test_the_page_is_for_people(doctor: Doctor, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(MISSING_LIBRARY)
    lines = doctor("--").splitlines()
    assert lines[0].split() == ["segzoo", segzoo.__version__]
    assert any(line.startswith("plugins") and line.endswith(" ready") for line in lines)
    assert lines[-3:] == [
        "1 to fix:",
        "- torch can't be imported: ImportError: libcudart.so.99: cannot open shared object file",
        f"  {TOGETHER}",
    ]


def test_a_gpu_is_a_device_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    gpu = SimpleNamespace(name="NVIDIA H200", total_memory=141_000_000_000)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: gpu)
    assert command._devices()[1] == "cuda:0 (NVIDIA H200, 141.0 GB)"


@pytest.mark.parametrize(
    ("devices", "gpus", "problems"),
    [
        (["cpu (2 threads)"], "GPU 0: NVIDIA H200", ["torch sees no GPU, and this machine has GPU 0: NVIDIA H200"]),
        (["cpu (2 threads)", "cuda:0 (NVIDIA H200, 141.0 GB)"], "GPU 0: NVIDIA H200", []),
        (["cpu (2 threads)"], "", []),
    ],
)
def test_a_gpu_that_torch_can_not_use_is_to_be_fixed(
    monkeypatch: pytest.MonkeyPatch, devices: list[str], gpus: str, problems: list[str]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(command, "_nvidia_gpus", lambda: gpus)
    monkeypatch.setattr(command, "_outcomes", lambda: iter([{"name": "devices", "value": devices}]))
    report = command.examine()
    assert report.devices == devices
    assert [problem.what for problem in report.problems] == problems


def test_a_gpu_that_the_user_hides_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(command, "_nvidia_gpus", lambda: "GPU 0: NVIDIA H200")
    monkeypatch.setattr(command, "_outcomes", lambda: iter([{"name": "devices", "value": ["cpu (2 threads)"]}]))
    assert command.examine().problems == []


def test_what_the_driver_lists_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H200 (UUID: GPU-1)'\necho 'GPU 1: NVIDIA L4 (UUID: GPU-2)'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert command._nvidia_gpus() == "GPU 0: NVIDIA H200; GPU 1: NVIDIA L4"
