"""The promises of a plugin's registration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any
from unittest import SkipTest

from segzoo.distributions import namespace
from segzoo.host import registry
from segzoo.testing.cases import Subject
from segzoo.testing.results import ConformanceError

IMPORT_BUDGET = 100
"""Milliseconds that importing and registering a plugin may take; a light one takes one or two."""

REGISTER = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
import segzoo
already = "torch" in sys.modules
[row] = [info for info in segzoo.plugins() if info.id == sys.argv[2]]
print(json.dumps([row.status, row.error, row.import_ms, "torch" in sys.modules and not already]))
"""


def registration(subject: Subject[Any]) -> None:
    """Registering its plugin imports no torch, and takes less than 100 ms."""
    provided = _provided(subject)
    if provided.distribution == registry.RUNTIME:
        raise SkipTest("it was registered by segzoo.register, no plugin provides it")
    plugin = f"{namespace(provided.distribution)}:{provided.plugin}"
    others = ",".join(info.id for info in registry.plugins() if info.id != plugin)
    environ = {key: value for key, value in os.environ.items() if key != "SEGZOO_PLUGINS"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", REGISTER, json.dumps(sys.path), plugin],
        env=environ | {"SEGZOO_DISABLE_PLUGINS": others, "SEGZOO_STRICT_PLUGINS": "0"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ConformanceError(f"plugin {plugin} can't be registered in a fresh process: {done.stderr.strip()}")
    status, error, milliseconds, loads_torch = json.loads(done.stdout.splitlines()[-1])
    if status != "ready":
        raise ConformanceError(f"plugin {plugin} is {status} in a fresh process: {error}")
    if loads_torch:
        raise ConformanceError(
            f"registering plugin {plugin} imports torch; import it in {provided.descriptor.target.partition(':')[0]} "
            "alone, which is imported when a model is built"
        )
    if milliseconds > IMPORT_BUDGET:
        raise ConformanceError(
            f"registering plugin {plugin} took {milliseconds:.0f} ms of {IMPORT_BUDGET}; import less in its module"
        )


def descriptor(subject: Subject[Any]) -> None:
    """Its descriptor gives a summary, a paper and a licence, and what it names can be loaded."""
    provided = _provided(subject)
    missing = [field for field in ("summary", "paper", "license") if not getattr(provided.descriptor, field).strip()]
    if missing:
        raise ConformanceError(f"the descriptor of {provided.id} leaves out {', '.join(missing)}")


def _provided(subject: Subject[Any]) -> registry.Provided:
    if subject.provided is None:
        raise SkipTest("it is given as a class or module, no plugin provides it")
    return subject.provided
