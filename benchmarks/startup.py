"""How long segzoo takes to start, with many plugins installed, beside a Python that does nothing.

Plugins are generated in a temporary folder on PYTHONPATH. Each command runs in a new process, in turn, so that whatever
else the machine does falls on all; what is reported is the median over rounds, and its difference to `python -c pass`:
of the time on the clock, and of the processor's time, which other work on the machine changes far less.

Run `python benchmarks/startup.py --help` for the options; README.md has what was measured.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
from tabulate import tabulate
from tqdm import trange

BARE = "python -c pass"
COMMANDS = {
    BARE: ["-c", "pass"],
    "import segzoo": ["-c", "import segzoo"],
    "segzoo decoders": ["-c", "from segzoo.cli import main; main()", "decoders"],
    "segzoo encoders resnet50": ["-c", "from segzoo.cli import main; main()", "encoders", "resnet50"],
}
AIMS = {"import segzoo": 50, "segzoo decoders": 300, "segzoo encoders resnet50": 500}
"""Milliseconds more than a bare start."""
MODULE = """import segzoo


@segzoo.hookimpl
def segzoo_decoders():
    return [segzoo.DecoderSpec(name="{name}", target="{name}.decoder:Decoder", summary="one of many", api=1)]
"""


def write_plugin(folder: Path, name: str) -> None:
    """What pip leaves behind of a plugin of one decoder."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(MODULE.format(name=name))
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[segzoo]\n{name} = {name}\n")


def milliseconds(arguments: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """On the clock, and of the processor."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environ, check=True, stdout=subprocess.DEVNULL)
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return clock * 1000, processor * 1000


@click.command()
@click.option("--plugins", default=20, show_default=True, help="How many to generate.")
@click.option("--rounds", default=31, show_default=True, help="How many times to run each command.")
def main(plugins: int, rounds: int) -> None:
    """Measure how long segzoo takes to start."""
    taken: dict[str, list[tuple[float, float]]] = {command: [] for command in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(plugins):
            write_plugin(Path(folder), f"generated{number}")
        environ = {**os.environ, "PYTHONPATH": folder}
        for command in COMMANDS.values():  # once unmeasured, for the byte code and the file system's cache
            milliseconds(command, environ)
        for _ in trange(rounds, leave=False, disable=None):
            for name, command in COMMANDS.items():
                taken[name].append(milliseconds(command, environ))
    medians = {name: [statistics.median(each) for each in zip(*times, strict=True)] for name, times in taken.items()}
    rows = [
        (name, *(f"{ms:.0f} ({ms - bare:+.0f})" for ms, bare in zip(found, medians[BARE], strict=True)), AIMS.get(name))
        for name, found in medians.items()
    ]
    click.echo(f"{plugins} generated plugins, median of {rounds} runs, milliseconds (more than a bare start)\n")
    click.echo(tabulate(rows, headers=["command", "clock", "processor", "aim, more than"], tablefmt="github"))


if __name__ == "__main__":
    main()
