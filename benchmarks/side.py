"""One side of the comparison: a decoder with its head, or a whole model, in a process that holds nothing else.

The parent calls `build`, then `prepare` and `measure` for each runtime. Both sides read the weights that SMP saved, and
each side's own encoder makes its maps of the same image, so that equal logits show that the two compute the same.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import logging
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import segmentation_models_pytorch as smp
import torch
from torch import Tensor, nn

import segzoo

Inputs = tuple[list[Tensor], ...]
"""What a decoder takes: a list of maps, and for SMP's DPT a list of prefix tokens."""
SPAN = 0.3
"""Seconds that one measurement should take: quick runs are repeated."""
STRIDE = 32
"""Of the coarsest map. Images whose sides are multiples of it have maps of known ratios."""


class OurDecoder(nn.Module):
    """Maps to logits, by segzoo."""

    def __init__(self, model: segzoo.SegmentationModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.model.decode(maps)

    def encode(self, image: Tensor) -> Inputs:
        return (self.model.encoder(image),)

    def optimise(self) -> OurDecoder:
        return OurDecoder(segzoo.optimize(self.model)).eval()


class TheirDecoder(nn.Module):
    """Maps to logits, by SMP."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, maps: list[Tensor], *tokens: list[Tensor]) -> Tensor:
        return self.model.segmentation_head(self.model.decoder(maps, *tokens))

    def encode(self, image: Tensor) -> Inputs:
        encoded = self.model.encoder(image)
        return encoded if isinstance(encoded, tuple) else (encoded,)

    def optimise(self) -> TheirDecoder:
        """SMP has nothing of the kind."""
        return self


class OurModel(OurDecoder):
    """Pixels to logits, by segzoo; a list of one batch stands in for the maps."""

    def forward(self, images: list[Tensor]) -> Tensor:
        return self.model(*images)

    def encode(self, image: Tensor) -> Inputs:
        return ([image],)

    def optimise(self) -> OurModel:
        return OurModel(segzoo.optimize(self.model)).eval()


class TheirModel(TheirDecoder):
    """Pixels to logits, by SMP."""

    def forward(self, images: list[Tensor], *none: list[Tensor]) -> Tensor:
        return self.model(*images)

    def encode(self, image: Tensor) -> Inputs:
        return ([image],)


class OnGrid(nn.Module):
    """A decoder whose maps are known to be multiples of the coarsest, as they are where an image's sides are of 32."""

    def __init__(self, decoder: nn.Module, maps: list[Tensor]) -> None:
        super().__init__()
        self.decoder = decoder
        self.ratios = [each.shape[-1] // maps[-1].shape[-1] for each in maps]

    def forward(self, inputs: Inputs) -> Tensor:
        maps = inputs[0]
        for each, ratio in zip(maps, self.ratios, strict=True):
            torch._check(each.shape[2] == ratio * maps[-1].shape[2])
            torch._check(each.shape[3] == ratio * maps[-1].shape[3])
        return self.decoder(*inputs)


@dataclass
class Side:
    """A decoder and the shape of the images whose maps it gets, or the file that a whole model was exported to."""

    decoder: OurDecoder | TheirDecoder | None
    shape: tuple[int, int, int, int]
    run: Callable[[], Any] = lambda: None
    file: Path | None = None

    def inputs(self, further: tuple[int, int] = (0, 0)) -> Inputs:
        """The maps of a random image, contiguous, which is how most encoders return theirs.

        :param further: by how many pixels the image is taller and wider than those that are measured.
        """
        batch, channels, height, width = self.shape
        torch.manual_seed(0)
        image = torch.rand(batch, channels, height + further[0], width + further[1])
        if self.decoder is None:
            return ([image],)
        with torch.no_grad():
            encoded = self.decoder.eval().encode(image)
        return tuple([each.contiguous() for each in maps] for maps in encoded)


def eager(side: Side) -> Callable[[], Tensor]:
    return partial(_infer, side.decoder.eval(), side.inputs())


def optimised(side: Side) -> Callable[[], Tensor]:
    return partial(_infer, side.decoder.eval().optimise(), side.inputs())


def compiled(side: Side) -> Callable[[], Tensor]:
    return partial(_infer, torch.compile(side.decoder.eval(), dynamic=False), side.inputs())


def onnx(side: Side) -> Callable[[], Tensor]:
    """ONNX Runtime, for the measured size alone."""
    return _onnx_session(side, side.decoder.eval(), side.inputs(), None)


def onnx_exported(side: Side) -> Callable[[], np.ndarray]:
    """ONNX Runtime, of the file that `export` wrote."""
    assert side.file is not None
    return _session(side.file.read_bytes(), side)


def onnx_multiples(side: Side) -> Callable[[], Tensor]:
    """ONNX Runtime, for images whose sides are multiples of 32; exported at another size than is measured."""
    inputs = side.inputs(further=(STRIDE, 2 * STRIDE))
    rows, columns = (torch.export.Dim(name, min=2, max=64) for name in ("rows", "columns"))
    height, width = (side.shape[2] + STRIDE) // STRIDE, (side.shape[3] + 2 * STRIDE) // STRIDE

    def sides(value: Tensor) -> dict[int, Any] | None:
        if value.ndim != 4:
            return None
        return {2: value.shape[2] // height * rows, 3: value.shape[3] // width * columns}

    shapes = tuple([sides(each) for each in maps] for maps in inputs)
    return _onnx_session(side, OnGrid(side.decoder.eval(), inputs[0]), (inputs,), (shapes,))


def training(side: Side) -> Callable[[], None]:
    """Forward and backward, down to the maps and to all parameters."""
    decoder, inputs = copy.deepcopy(side.decoder).train(), _leaves(side.inputs())  # its norms go on averaging

    def step() -> None:
        decoder.zero_grad()
        for leaf in chain(*inputs):
            leaf.grad = None
        logits = decoder(*[list(maps) for maps in inputs])
        logits.backward(torch.ones_like(logits))

    return step


def memory(side: Side) -> Callable[[], float]:
    """What autograd keeps of the forward for the backward pass, in MiB, each storage once.

    Not counted are the parameters, and the maps, which the encoder holds anyway.
    """
    inputs = _leaves(side.inputs())
    decoder = copy.deepcopy(side.decoder).train()
    known = {each.untyped_storage().data_ptr() for each in (*decoder.parameters(), *chain(*inputs))}

    def saved() -> float:
        storages: dict[int, int] = {}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in known:
                storages[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            logits = decoder(*[list(maps) for maps in inputs])  # kept, so that no address is used twice
        del logits
        return sum(storages.values()) / 2**20

    return saved


RUNTIMES: dict[str, Callable[[Side], Callable[[], Any]]] = {
    "eager": eager,
    "optimised": optimised,
    "compile": compiled,
    "onnx": onnx,
    "onnx-exported": onnx_exported,
    "onnx-32": onnx_multiples,
    "training": training,
    "memory": memory,
}

_side: Side  # of this process


def build_theirs(
    architecture: str, arguments: dict[str, Any], shape: tuple[int, ...], folder: Path, whole: bool = False
) -> None:
    """SMP's decoder, or its whole model, with random weights that are saved for ours to read."""
    start()
    model = make_theirs(architecture, arguments)
    model.save_pretrained(folder)
    _hold(TheirModel(model) if whole else TheirDecoder(model), shape)


def make_theirs(architecture: str, arguments: dict[str, Any]) -> nn.Module:
    """SMP's model with random weights."""
    torch.manual_seed(1)
    model = smp.create_model(architecture, encoder_weights=None, **arguments)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # an average over all images seen
    with torch.no_grad():
        model.train()(torch.rand(2, 3, 256, 256))  # statistics as of a trained model: maps of usual size
    return model


def build_ours(shape: tuple[int, ...], folder: Path, whole: bool = False) -> None:
    """Segzoo's decoder, or its whole model, with the weights that SMP saved."""
    start()
    model = segzoo.from_pretrained(folder)
    _hold(OurModel(model) if whole else OurDecoder(model), shape)


def export(file: Path) -> None:
    """Write this side's whole model for images of its shape: ours by `segzoo.export`, theirs as SMP's documents say.

    :raises RuntimeError: when it can't be exported, in the error's own words.
    """
    batch, _, height, width = _side.shape
    with _reported(), contextlib.redirect_stdout(None):
        if isinstance(_side.decoder, OurModel):
            segzoo.export(_side.decoder.model.eval(), file, size=(height, width), batch=batch)
        else:
            torch.onnx.export(_side.decoder.eval(), _side.inputs(), dynamo=True, verbose=False).save(file)


def load(file: Path, shape: tuple[int, int, int, int]) -> None:
    """Be the side of a file, in a process that has held nothing else."""
    global _side
    start()
    _side = Side(None, shape, file=file)


def prepare(runtime: str) -> np.ndarray | None:
    """Make this runtime the one that is measured, and run it once.

    :returns: the logits; None where none are made.
    :raises RuntimeError: when this side can't run so, in the error's own words.
    """
    with _reported():
        _side.run = lambda: None
        gc.collect()
        _side.run = RUNTIMES[runtime](_side)
        result = _side.run()
        return np.asarray(result) if isinstance(result, (Tensor, np.ndarray)) else None


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # whatever it was: it is reported, and the others are measured
        lines = str(error).strip().splitlines() or [""]
        raise RuntimeError(f"{type(error).__name__}: {lines[0][:160]}") from None


def measure() -> float:
    """One run's processor time in seconds, the median of as many runs as fit into `SPAN`; for memory, MiB."""
    times: list[float] = []
    while sum(times) < SPAN:
        start = time.process_time()
        result = _side.run()
        times.append(time.process_time() - start)
        if isinstance(result, float):
            return result
    return statistics.median(times)


def start() -> None:
    warnings.simplefilter("ignore")  # SMP's, of initialisation, and the exporter's
    logging.disable(logging.ERROR)
    torch.set_num_threads(1)


def _hold(decoder: OurDecoder | TheirDecoder, shape: tuple[int, ...]) -> None:
    global _side
    _side = Side(decoder, shape)


@torch.no_grad()
def _infer(decoder: Callable[..., Tensor], inputs: Inputs) -> Tensor:
    return decoder(*[list(maps) for maps in inputs])


def _leaves(inputs: Inputs) -> Inputs:
    return tuple([each.requires_grad_(each.numel() > 0) for each in maps] for maps in inputs)


def _onnx_session(side: Side, decoder: nn.Module, arguments: tuple[Any, ...], shapes: Any) -> Callable[[], np.ndarray]:
    """Made of an exported program, which knows the ratios of dynamic sizes; of a module, the exporter forgets them."""
    with contextlib.redirect_stdout(None), torch.no_grad():
        exported = torch.export.export(decoder, arguments, dynamic_shapes=shapes)
        program = torch.onnx.export(exported, dynamo=True, verbose=False)
    return _session(program.model_proto.SerializeToString(), side)


def _session(graph: bytes, side: Side) -> Callable[[], np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]
    values = [each.numpy() for each in chain(*side.inputs())]
    fed = dict(zip(names, values, strict=True))
    return lambda: session.run(None, fed)[0]
