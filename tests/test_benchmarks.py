"""The benchmark of decoders runs, and compares what is equal."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "decoders.py"


@pytest.mark.slow
def test_a_decoder_is_measured_beside_smp_s(tmp_path):
    results = tmp_path / "results.jsonl"
    options = ["--size", "64", "--rounds", "1", "--runtime", "eager", "--runtime", "memory", "--save", results]
    subprocess.run([sys.executable, SCRIPT, "linknet", *options], check=True)
    eager, memory = map(json.loads, results.read_text().splitlines())
    assert eager["failure"] == memory["failure"] == ""
    assert eager["ratio"] > 0
    assert memory["ratio"] > 0.9
