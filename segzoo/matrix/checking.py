"""Checking pairs: the handshake, then a forward of the whole model on the meta device, for any number of processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib.metadata import version
from multiprocessing import get_context
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

import segzoo
from segzoo.contract import EncoderRequest
from segzoo.encoder import Encoder, Pretrained
from segzoo.errors import ContractError, InputError, NegotiationError, OptionError, SegzooError
from segzoo.handshake.planning import Plan
from segzoo.host import registry, sources
from segzoo.host.encoder_source import EncoderSource
from segzoo.matrix.results import Checked, Fallback, Matrix, Pair

CLASSES = 19
BATCH = 2
ODD_SIZE = (97, 131)
"""A rectangle that no stride divides."""

Found = tuple[Checked, list[Pair]]


def check_pairs(
    encoders: Sequence[str],
    decoders: Sequence[str] | None = None,
    *,
    size: tuple[int, int] = ODD_SIZE,
    jobs: int = 1,
    quiet: bool = False,
) -> Matrix:
    """Check every encoder with every decoder: no weights, no arithmetic.

    A pair passes when encoder and decoder agree, each does what it declares, and the whole model answers an image with
    logits of the image's size. One that fails is a result with its reason, not an error.

    :param encoders: by name; see `segzoo.list_encoders`.
    :param decoders: by name; all by default.
    :param size: height and width of the image.
    :param jobs: processes. With more than one they are spawned: a script needs its `if __name__ == "__main__"`.
    :param quiet: no progress bar.
    :raises UnknownNameError: when no plugin provides a name; AmbiguousNameError when several do.
    :raises OptionError: for a number out of range, no encoder, no decoder, or several jobs for an encoder or decoder
        that was registered in this process alone.
    """
    encoders = list(dict.fromkeys(encoders))
    decoders = list(dict.fromkeys(registry.list_decoders() if decoders is None else decoders))
    if not encoders or not decoders or jobs < 1 or min(size) < 1:
        raise OptionError(
            f"expected encoders and decoders, jobs >= 1 and a size of 1x1 or more; got {len(encoders)} encoders, "
            f"{len(decoders)} decoders, {jobs=}, {size=}"
        )
    parts: list[registry.Provided[Any]] = [sources.find_encoder(name).provided for name in encoders]
    parts += [registry.find_decoder(name) for name in decoders]
    jobs = min(jobs, len(encoders))
    if jobs > 1 and (here := [part.id for part in parts if part.distribution == registry.RUNTIME]):
        raise OptionError(f"{here[0]} is registered in this process alone, other processes don't know it; use jobs=1")
    found: dict[str, Found] = {}
    with tqdm(total=len(encoders) * len(decoders), desc="checking", unit="pair", disable=quiet or None) as progress:
        for checked, pairs in _check_all(encoders, decoders, size, jobs):
            found[checked.name] = checked, pairs
            progress.update(len(pairs))
    return Matrix(
        size=size,
        versions={"segzoo": segzoo.__version__, **{name: version(name) for name in ("torch", "timm")}},
        encoders=tuple(found[name][0] for name in encoders),
        decoders=tuple(decoders),
        pairs=tuple(pair for name in encoders for pair in found[name][1]),
    )


def _check_all(encoders: Sequence[str], decoders: Sequence[str], size: tuple[int, int], jobs: int) -> Iterator[Found]:
    if jobs == 1:
        for name in encoders:
            yield check_encoder(name, decoders, size)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_use_one_thread) as pool:
        pending: list[Future[Found]] = [pool.submit(check_encoder, name, decoders, size) for name in encoders]
        try:
            for done in as_completed(pending):
                yield done.result()
        except BrokenProcessPool as error:
            raise SegzooError(f"one of {jobs} processes died, perhaps for want of memory; use fewer jobs") from error
        finally:
            pool.shutdown(cancel_futures=True)


def _use_one_thread() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"  # the processes use the cores already
    torch.set_num_threads(1)


def check_encoder(name: str, decoders: Sequence[str], size: tuple[int, int]) -> Found:
    """Check one encoder with some decoders; it is built, and run, once for each wish."""
    found = sources.find_encoder(name)
    with remembering(found.source):
        try:
            facts = found.facts()
            checked = Checked(name, facts.family, facts.parameters)
        except Exception:  # the pairs will say what is wrong with it
            checked = Checked(name, found.provided.name, None)
        return checked, [check_pair(name, decoder, size) for decoder in decoders]


def check_pair(encoder: str, decoder: str, size: tuple[int, int]) -> Pair:
    """Check one pair."""
    try:
        with torch.device("meta"), torch.no_grad():
            model = segzoo.create_model(encoder, decoder, classes=CLASSES).eval()
            logits = model(torch.empty(BATCH, model.plan.request.in_channels, *size))
        expected = (BATCH, CLASSES, *size)
        if not isinstance(logits, Tensor) or tuple(logits.shape) != expected:
            raise ContractError(f"expected logits {expected}, got {tuple(logits.shape)}")
    except (NegotiationError, InputError) as refusal:
        return Pair(encoder, decoder, "refused", reason=str(refusal))
    except SegzooError as error:
        return Pair(encoder, decoder, "broken", reason=str(error))
    except Exception as error:  # somebody's code: the other pairs are checked all the same
        return Pair(encoder, decoder, "broken", reason=f"{type(error).__name__}: {error}")
    plan = model.plan
    return Pair(
        encoder,
        decoder,
        "pass",
        granted=tuple(_granted(plan)),
        fallbacks=tuple(_fallbacks(plan, size)),
        notes=plan.notes,
        parameters=sum(part.parameters for part in (plan.encoder, plan.neck, plan.decoder) if part),
        stages=plan.rows,
    )


def _granted(plan: Plan) -> Iterator[str]:
    if plan.request.output_stride:
        yield f"output stride {plan.request.output_stride}"
    if plan.request.prefix:
        yield f"prefix={plan.request.prefix!r}: the class token among the channels"


def _fallbacks(plan: Plan, size: tuple[int, int]) -> Iterator[Fallback]:
    if plan.neck:
        yield Fallback("neck", f"{plan.neck.id} makes a pyramid")
    sizes = plan.input_spec
    if sizes.fixed and not sizes.takes(size):
        yield Fallback("resizing", f"image resized to {_by(sizes.fixed)} for the encoder, its maps resized back")
    elif not sizes.takes(size):
        yield Fallback("padding", f"image padded to {_by(sizes.padded(size))}, logits cropped")
    for refusal in plan.refusals:
        yield Fallback("wish", refusal)


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@contextmanager
def remembering(source: EncoderSource) -> Iterator[None]:
    """Let a source build each encoder once and each encoder run once per image size, for all decoders together.

    Only shapes are asked for here, so one encoder on the meta device serves any number of models.
    """
    create = source.create
    answers: dict[tuple[str, str], Encoder | NegotiationError] = {}

    def create_once(name: str, request: EncoderRequest, pretrained: Pretrained = False) -> Encoder:
        asked = name, repr(request)
        if asked not in answers:
            try:
                encoder = create(name, request, pretrained)
                answers[asked] = encoder if request.tokens else _Remembering(encoder)
            except NegotiationError as refusal:
                answers[asked] = refusal
        answer = answers[asked]
        if isinstance(answer, NegotiationError):
            raise answer
        return answer

    vars(source)["create"] = create_once
    try:
        yield
    finally:
        del vars(source)["create"]


class _Remembering(Encoder):
    """An encoder that runs once for each image size, for decoders that take maps."""

    def __init__(self, encoder: Encoder) -> None:
        nn.Module.__init__(self)
        self.encoder = encoder
        for name in ("spec", "input_spec", "preprocessing"):
            if hasattr(encoder, name):
                setattr(self, name, getattr(encoder, name))
        self.known: dict[torch.Size, list[Tensor]] = {}

    def forward(self, image: Tensor) -> list[Tensor]:
        if image.shape not in self.known:
            self.known[image.shape] = list(self.encoder(image))
        return list(self.known[image.shape])
