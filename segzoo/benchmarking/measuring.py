"""Measuring in a process of its own, so that no model profits from another, nor takes it down."""

from __future__ import annotations

import os
import subprocess
import sys

from segzoo.benchmarking.task import Measured, Task

LETTERS = 300
"""Of a reason."""


def measure(task: Task) -> Measured:
    """Build the model with random weights in a new process, and measure it there.

    Whatever goes wrong is the answer's reason.
    """
    threads = task.conditions.threads
    # Not by multiprocessing, which would run the caller's script again where that isn't guarded.
    ended = subprocess.run(
        [sys.executable, "-m", __name__, task.to_json()],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            **({"OMP_NUM_THREADS": str(threads)} if threads else {}),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode < 0:
        return Measured(None, f"killed by signal {-ended.returncode}, most likely since memory was full")
    answer = ended.stdout.splitlines()
    if ended.returncode > 0 or not answer:
        return Measured(None, (ended.stderr.strip().splitlines() or ["its process ended without a word"])[-1][:LETTERS])
    return Measured.from_json(answer[-1])


def _answer(task: Task) -> Measured:
    import logging
    import warnings

    from segzoo.benchmarking.here import measure_here

    warnings.simplefilter("ignore")  # the exporter's, and of half precision
    logging.disable(logging.ERROR)
    try:
        return Measured(measure_here(task))
    except Exception as error:  # somebody's code: it is a row with its reason
        return Measured(None, f"{type(error).__name__}: {' '.join(str(error).split())}"[:LETTERS])


if __name__ == "__main__":
    print(_answer(Task.from_json(sys.argv[1])).to_json())
