"""Every pair in every runtime, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import product

from tqdm.auto import tqdm

from segzoo import __version__
from segzoo.benchmarking.conditions import Conditions
from segzoo.benchmarking.measuring import measure
from segzoo.benchmarking.processor import processor
from segzoo.benchmarking.results import Benchmark, Row
from segzoo.benchmarking.runtimes import ONNX, check_runtimes
from segzoo.benchmarking.task import Task
from segzoo.errors import OptionError
from segzoo.host import registry, sources
from segzoo.host.pair_names import PairName


def bench(
    pairs: Sequence[PairName],
    runtimes: Sequence[str] = ("eager",),
    conditions: Conditions | None = None,
    *,
    quiet: bool = False,
) -> Benchmark:
    """Measure pairs with random weights: time, memory, parameters and multiply-adds.

    Each pair in each runtime has a process of its own, one after the other. One that can't be planned, built, exported
    or run is a row with its reason, not an error. Stopped by Ctrl-C, it returns the rows that it has.

    :param pairs: encoders and decoders by name; `PairName.matching("resnet18+*")` are those of a pattern.
    :param runtimes: `"eager"`; `"optimised"`, by `segzoo.optimize`; `"compile"`, by `torch.compile`; `"onnx"`, which is
        ONNX Runtime.
    :param quiet: no progress bar.
    :raises UnknownNameError: when no plugin provides a name; AmbiguousNameError when several do.
    :raises OptionError: for no pairs, an unknown runtime, a device that isn't there, or an encoder or decoder that was
        registered in this process alone.
    :raises MissingExtraError: for ONNX Runtime without its libraries.

    >>> found = bench(PairName.matching("resnet18+*"), ["eager", "optimised"])  # doctest: +SKIP
    >>> min(found.rows, key=lambda row: row.cost.milliseconds).pair  # doctest: +SKIP
    """
    conditions = conditions or Conditions()
    pairs, runtimes = list(dict.fromkeys(pairs)), list(dict.fromkeys(runtimes))
    if not pairs:
        raise OptionError("expected a pair or more to measure, such as resnet18+unet")
    check_runtimes(runtimes, conditions)
    conditions.check_device()
    for pair in pairs:
        _check_known(pair)
    rows: list[Row] = []
    with tqdm(total=len(pairs) * len(runtimes), unit="model", disable=quiet or None) as progress:
        for pair, runtime in product(pairs, runtimes):
            progress.set_description(f"{pair}, {runtime}")
            config = {"encoder": pair.encoder, "decoder": pair.decoder}
            try:
                measured = measure(Task(config, runtime, conditions))
            except KeyboardInterrupt:
                if not rows:
                    raise
                break
            rows.append(Row(str(pair), runtime, measured.cost, measured.reason))
            progress.update()
    return Benchmark(conditions, _versions(), processor(conditions.device), tuple(rows))


def _check_known(pair: PairName) -> None:
    """See that another process would find both.

    :raises UnknownNameError: when no plugin provides a name.
    :raises OptionError: for what this process alone knows.
    """
    for part in (sources.find_encoder(pair.encoder).provided, registry.find_decoder(pair.decoder)):
        if part.distribution == registry.RUNTIME:
            raise OptionError(
                f"{part.id} is registered in this process alone, and the process that measures doesn't know it: make "
                "it a plugin"
            )


def _versions() -> dict[str, str]:
    found = {"segzoo": __version__}
    for name in ("torch", "timm", *ONNX):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
