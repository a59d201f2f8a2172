"""Folders that are damaged, foreign or hostile: a typed error that names what is wrong, and nothing is run."""

import contextlib
import json
import os
import pickle
import struct
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published import edit

import segzoo

Content = dict[str, Any]
pytestmark = pytest.mark.usefixtures("no_network", "nothing_run")

RUNNING = {"pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "subprocess.Popen"}
run: list[str] = []
sys.addaudithook(lambda event, arguments: run.append(event) if event in RUNNING else None)


@pytest.fixture
def nothing_run() -> Iterator[None]:
    """Fails a test in which something is unpickled, or another program is started."""
    run.clear()
    yield
    assert run == []


def refused(folder: Path, told: str, error: type[Exception] = segzoo.CheckpointError) -> None:
    with pytest.raises(error, match=told):
        segzoo.from_pretrained(folder)


class Bomb:
    """What a pickle can do."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.trace),)


def put(*path: str, value: Any) -> Callable[[Content], None]:
    def change(content: Content) -> None:
        for name in path[:-1]:
            content = content[name]
        content[path[-1]] = value

    return change


CONFIGS: dict[str, tuple[Callable[[Content], None], str]] = {
    "a future format": (put("format_version", value=3), "format 3 is newer than this segzoo reads .2.; pip install"),
    "a format that is no number": (put("format_version", value="1"), "format_version is a whole number"),
    "a format that is true": (put("format_version", value=True), "format_version is a whole number"),
    "an unknown field": (put("execute", value="rm"), "config has unknown fields: 'execute'"),
    "an unknown field of the plan": (put("plan", "hook", value=1), "config.plan has unknown fields: 'hook'"),
    "an unknown argument": (put("arguments", "pretrained", value="x.pth"), "unknown fields: 'pretrained'"),
    "a missing field": (lambda content: content.pop("plan"), "config lacks plan"),
    "a plan that is a list": (put("plan", value=[]), "config.plan is an object"),
    "a stride that is text": (put("plan", "spec", "strides", value=["1"] * 6), r"spec.strides\[0\] is a whole number"),
    "channels below 0": (put("plan", "spec", "channels", value=[-1] * 6), "config.plan.spec: channels must be 0 or"),
    "stages out of range": (put("plan", "stages", value=[2, 3, 4, 50]), "can't be built as it was saved: IndexError"),
    "other stages": (put("plan", "stages", value=[2, 3, 4, 4]), "the weights don't fit"),
    "an encoder of other channels": (put("plan", "encoder_spec", "channels", value=[3, 1, 1, 1, 1, 1]), "planned"),
    "an option that isn't there": (put("plan", "decoder_options", value={"no": 1}), "can't be built as it was saved"),
    "an option of another type": (
        put("plan", "decoder_options", value={"width": "8"}),
        "can't be built as it was saved",
    ),
    "options that unpickle": (
        put("plan", "request", "options", value={"checkpoint_path": "../x.pth"}),
        "'checkpoint_path' is no encoder option",
    ),
    "an enormous width": (
        put("plan", "decoder_options", value={"width": 10**6}),
        "needs width as a whole number from 1",
    ),
    "another width": (put("plan", "decoder_options", value={"width": 10**4}), "the weights don't fit the model"),
    "a depth without end": (
        put("plan", "request", "options", value={"layers": [10_000] * 4}),
        r"more than \d+ modules and parameters",
    ),
    "a depth that is enormous": (put("plan", "request", "depth", value=10**9), "sum up to more than"),
    "an option that is enormous": (
        put("plan", "request", "options", value={"layers": [10**9] * 4}),
        "sum up to more than",
    ),
    "images of no size": (put("plan", "input_spec", "multiple", value=0), "input_spec has sizes in pixels"),
    "enormous images": (put("plan", "input_spec", "fixed", value=[10**6, 10**6]), "input_spec has sizes in pixels"),
    "two numbers of classes": (put("heads", "logits", "classes", value=4), "contradict each other"),
    "too few names": (put("heads", "logits", "names", value=["road"]), "3 classes and got 1 names"),
    "a colour out of range": (put("heads", "logits", "palette", value=[[0, 0, 256]] * 3), "a colour is"),
    "a std of 0": (put("preprocessing", "std", value=[0, 1, 1]), "a std above 0"),
    "a mean too few": (put("preprocessing", "mean", value=[0.5]), "a mean and a std"),
    "a value range of its own": (put("preprocessing", "value_range", value=[0, 255]), "values from 0 to 1"),
    "digital numbers as values from 0 to 1": (put("preprocessing", "mean", value=[1353.7] * 3), "values from 0 to 1"),
    "another order of channels": (put("preprocessing", "channel_order", value="BGR"), "RGB"),
}
IDS = [
    "os.system",
    "builtins:exec",
    "segzoo_segformer.decoder:SegFormer",
    "segzoo:../../etc/passwd",
    "segzoo:/etc/passwd",
    "Segzoo:segformer",
    "segzoo:",
    "segformer",
    "",
]


@pytest.mark.parametrize("case", CONFIGS)
def test_config_with(case: str, folder: Path) -> None:
    change, told = CONFIGS[case]
    edit(folder, change)
    refused(folder, told)


@pytest.mark.parametrize("id", IDS)
def test_a_decoder_by_what_is_no_canonical_id(id: str, folder: Path) -> None:
    def change(content: Content) -> None:
        content["plan"]["decoder"]["id"] = content["arguments"]["decoder"] = id

    edit(folder, change)
    refused(folder, "is no canonical id|can't come from distribution")


@pytest.mark.parametrize(
    "id",
    [
        "segzoo:timm/hf-hub:user/name",
        "segzoo:timm/local-dir:/tmp",
        "segzoo:timm/../x",
        "segzoo:timm",
        "timm/test_resnet",
        "segzoo:timm/",
    ],
)
def test_an_encoder_by_an_address_or_a_path(id: str, folder: Path) -> None:
    def change(content: Content) -> None:
        content["plan"]["encoder"]["id"] = content["arguments"]["encoder"] = id

    edit(folder, change)
    refused(folder, "encoder .* is no canonical id: distribution:source/name")


def test_an_encoder_that_its_source_no_longer_has(folder: Path) -> None:
    def change(content: Content) -> None:
        content["plan"]["encoder"]["id"] = content["arguments"]["encoder"] = "segzoo:timm/resnet_of_old"

    edit(folder, change)
    refused(folder, r"no encoder of segzoo:timm 'resnet_of_old'.*saved with segzoo-torch \S+, here segzoo-torch")


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe", b'{"library_name": "segzoo", "format_version": NaN}', b"[" * 100_000, b"1" * 5000],
    ids=lambda text: repr(text[:12]),
)
def test_a_config_that_is_no_json(text: bytes, folder: Path) -> None:
    (folder / "config.json").write_bytes(text)
    refused(folder, "config.json: can't be read as JSON")


def test_a_config_that_is_no_object(folder: Path) -> None:
    (folder / "config.json").write_text("[1]")
    refused(folder, "config.json: holds a list; expected an object")


def test_a_config_that_is_too_large(folder: Path) -> None:
    (folder / "config.json").write_text(" " * (2**22 + 1))
    refused(folder, "more than 4194304 bytes")


def test_a_folder_without_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    refused(folder, "has no model.safetensors")


def test_a_folder_without_config_is_not_segzoos(folder: Path) -> None:
    (folder / "config.json").unlink()
    refused(folder, "isn't segzoo's own, and no importer recognises it")


@pytest.mark.parametrize("left", [0, 4, 8, 100, -1])
def test_weights_cut_short(left: int, folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:left])
    refused(folder, "no safetensors file, or damaged")


@pytest.mark.parametrize("length", [2**24 + 1, 2**40, 2**63, 2**64 - 1])
def test_a_header_that_claims_to_be_enormous(length: int, folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(struct.pack("<Q", length) + file.read_bytes()[8:])
    refused(folder, "its header would be larger than")


@pytest.mark.parametrize(
    "header",
    [
        b"{}",
        b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}',
        b'{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[100,104]}}',
        b'{"a":{"dtype":"F8_E4M3","shape":[0],"data_offsets":[0,0]}}',
        b'{"a":' * 50_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_a_header_that_lies(header: bytes, folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    refused(folder, "no safetensors file, or damaged|the weights don't fit|is of type")


def test_a_pickle_in_place_of_the_weights_is_not_run(folder: Path, tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    for number, write in enumerate((pickle.dump, torch.save)):
        with (folder / "model.safetensors").open("wb") as file:
            write(Bomb(trace), file)
        refused(folder, "no safetensors file")
        assert not trace.exists(), number
    pickle.loads(pickle.dumps(Bomb(trace)))  # so that it is known that this would tell
    assert trace.exists()
    assert run == ["pickle.find_class"]
    run.clear()


def reweigh(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    change(weights)
    safetensors.torch.save_file(weights, folder / "model.safetensors")


NAME = "head.classifiers.logits.conv.bias"
WEIGHTS: dict[str, tuple[Callable[[dict[str, torch.Tensor]], Any], str]] = {
    "a weight missing": (lambda weights: weights.pop(NAME), f"missing: {NAME}"),
    "a weight too many": (lambda weights: weights.update(more=torch.zeros(1)), "unexpected: more"),
    "a weight of another shape": (
        lambda weights: weights.update({NAME: torch.zeros(4)}),
        r"head.classifiers.logits.conv.bias \(4,\) in place of \(3,\)",
    ),
    "a weight of another type": (
        lambda weights: weights.update({NAME: torch.zeros(3, dtype=torch.int64)}),
        "torch.int64 in place of torch.float32",
    ),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_with(case: str, folder: Path) -> None:
    change, told = WEIGHTS[case]
    reweigh(folder, change)
    refused(folder, told)


def test_what_does_not_fit_is_told_before_weights_are_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from segzoo.loading import restoring

    reweigh(folder, lambda weights: weights.update(more=torch.zeros(1)))
    monkeypatch.setattr(restoring, "read_weights", lambda file: pytest.fail("weights were read"))
    refused(folder, "unexpected: more")


def test_a_config_is_read_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from segzoo.publishing import config

    read = []
    read_json = config.read_json
    monkeypatch.setattr(config, "read_json", lambda file: read.append(file) or read_json(file))
    segzoo.from_pretrained(folder, verify=True)
    assert read == [folder / "config.json"]


def test_the_bound_of_one_thread_is_not_that_of_others() -> None:
    from segzoo.publishing.twin import bounded

    with bounded(0), ThreadPoolExecutor() as threads:
        threads.submit(torch.nn.Linear, 1, 1).result()
        with pytest.raises(segzoo.CheckpointError, match="more than 0 modules and parameters"):
            torch.nn.Linear(1, 1)
    torch.nn.Linear(1, 1)


@pytest.mark.parametrize("path", [None, 3, b"x", ["a"]])
def test_a_path_that_is_none(path: Any) -> None:
    with pytest.raises(segzoo.CheckpointError, match="there is nothing at"):
        segzoo.from_pretrained(path)


@pytest.mark.parametrize("arguments", [["classes"], "classes", 3])
def test_arguments_that_are_no_mapping(arguments: Any, folder: Path) -> None:
    with pytest.raises(segzoo.OptionError, match="arguments are names and values"):
        segzoo.from_pretrained(folder, arguments=arguments)


@pytest.mark.parametrize(
    "path", ["", "\0", "x" * 5000, "nothing", "../nothing", "/nothing/at/all", "a/b/c", "nothing.pth"]
)
def test_a_path_to_nothing(path: str) -> None:
    with pytest.raises(segzoo.CheckpointError, match="there is nothing at"):
        segzoo.from_pretrained(path)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(content: Any) -> list[tuple[Any, Any]]:
    """Every entry of nested data: what holds it, and its key."""
    if not isinstance(content, dict | list):
        return []
    keys = content if isinstance(content, dict) else range(len(content))
    return [(content, key) for key in keys] + [place for key in keys for place in places(content[key])]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_config_with_anything_anywhere_loads_or_is_refused(data: st.DataObject, folder: Path, pristine: Path) -> None:
    content = json.loads((pristine / "config.json").read_text())
    del content["behaviour"]  # most of its entries, and all alike
    known = places(content)
    holder, key = known[data.draw(st.integers(0, len(known) - 1))]
    holder[key] = data.draw(values)
    (folder / "config.json").write_text(json.dumps(content))
    with contextlib.suppress(segzoo.SegzooError):
        segzoo.from_pretrained(folder)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 4000), bytes_=st.binary(min_size=1, max_size=8), cut=st.booleans())
def test_weights_with_any_bytes_load_or_are_refused(
    at: int, bytes_: bytes, cut: bool, folder: Path, pristine: Path
) -> None:
    content = bytearray((pristine / "model.safetensors").read_bytes())
    content[at : at + len(bytes_)] = bytes_
    (folder / "model.safetensors").write_bytes(content[: at + len(bytes_)] if cut else content)
    with contextlib.suppress(segzoo.SegzooError):
        segzoo.from_pretrained(folder)
