"""What pairs cost, kept in `costs.json` beside this file, which `python docs/site/costs.py` writes.

Parameters and multiply-adds alone: both are exact and the same on every machine, time and memory aren't.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import torch
from tabulate import tabulate

import segzoo
from segzoo.benchmarking.here import count_multiply_adds

FILE = Path(__file__).with_name("costs.json")
ENCODERS = ("resnet18", "vit_tiny_patch16_224")
SIZE, CLASSES = (512, 512), 19
CONDITIONS = (
    f"Of whole models, encoder and head included, for one image of {SIZE[0]}x{SIZE[1]} and {CLASSES} classes. Time "
    "and memory depend on the machine: [`segzoo bench`](../benchmarking.md) measures them on yours, and on one machine "
    "[each decoder's time was measured](../../benchmarks/README.md#every-decoder-in-three-runtimes) in three runtimes."
)

Cost = dict[str, int]


def measure(encoder: str, decoder: str) -> Cost | None:
    """What a pair costs, on the meta device; None where the two don't fit."""
    config = {"encoder": encoder, "decoder": decoder, "classes": CLASSES}
    try:
        with torch.device("meta"):
            parameters = sum(each.numel() for each in segzoo.create_model(**config).parameters())
    except segzoo.NegotiationError:
        return None
    return {"parameters": parameters, "multiply_adds": count_multiply_adds(config, SIZE)}


@cache
def measured() -> dict[str, dict[str, Cost]]:
    """All that was measured, by encoder and decoder, the fewest multiply-adds first."""
    return json.loads(FILE.read_text())


def overview() -> str:
    """A section with a table for each encoder, the decoders side by side."""
    tables = [f"### With `{encoder}`\n\n{_table('decoder', _linked(costs))}\n" for encoder, costs in measured().items()]
    return "\n".join([f"## What they cost\n\n{CONDITIONS}\n", *tables])


def of(decoder: str) -> str:
    """A decoder's rows, and where it stands among the others."""
    rows = [
        (f"`{encoder}`: {list(costs).index(decoder) + 1} of {len(costs)}, by multiply-adds", costs[decoder])
        for encoder, costs in measured().items()
        if decoder in costs
    ]
    return f"{_table('encoder', rows)}\n\n{CONDITIONS} [All decoders](index.md#what-they-cost)."


def _linked(costs: dict[str, Cost]) -> list[tuple[str, Cost]]:
    return [(f"[{name}]({name}.md)", cost) for name, cost in costs.items()]


def _table(whose: str, rows: list[tuple[str, Cost]]) -> str:
    cells = [(name, f"{cost['parameters'] / 1e6:.2f} M", f"{cost['multiply_adds'] / 1e9:.1f} G") for name, cost in rows]
    headers = [whose, "parameters", "multiply-adds"]
    return tabulate(cells, headers=headers, tablefmt="github", colalign=("left", "right", "right"))


def main() -> None:
    """Measure all pairs, and write the file."""
    by_encoder = {}
    for encoder in ENCODERS:
        found = {name: cost for name in segzoo.list_decoders() if (cost := measure(encoder, name))}
        by_encoder[encoder] = dict(sorted(found.items(), key=lambda each: each[1]["multiply_adds"]))
    FILE.write_text(json.dumps(by_encoder, indent=1) + "\n")


if __name__ == "__main__":
    main()
