"""`segzoo doctor`: one page on whether this installation works, and what to fix."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from signal import Signals
from typing import Any

import click
from packaging.requirements import Requirement

from segzoo import __version__, namesake
from segzoo.cli import environment
from segzoo.cli.tables import json_option, print_json
from segzoo.distributions import NAMESPACE, SHIPPED, namespace, normalise
from segzoo.errors import PluginError
from segzoo.host import discovery

LIBRARIES = ("torch", "torchvision", "timm")
PATIENCE = 300
"""Seconds that all examinations together may take."""
TOGETHER = "reinstall torch and torchvision together, from one index or channel"


@dataclass(frozen=True)
class Problem:
    """Something that doesn't work, and what to do about it."""

    what: str
    fix: str


@dataclass
class Report:
    """All that the page shows.

    :param libraries: version of each, None where it isn't installed.
    :param plugins: a row for each that is installed, as `segzoo plugins --json` has them.
    :param caches: folders where weights are kept, and their size in bytes.
    """

    segzoo: str
    python: str
    executable: str
    platform: str
    libraries: dict[str, str | None]
    devices: list[str] = field(default_factory=list)
    plugins: list[dict[str, Any]] = field(default_factory=list)
    caches: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@click.command(short_help="Examine this installation, and say what to mend.")
@json_option
def doctor(as_json: bool) -> None:
    """Examine this installation: versions, devices, plugins, caches, and what to fix.

    Exits with status 1 when something is to be fixed. Works when torch or a plugin doesn't.
    """
    report = examine()
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(_page(report))
    if report.problems:
        raise SystemExit(1)


def examine() -> Report:
    """Find out all that the page shows."""
    report = Report(
        segzoo=__version__,
        python=platform.python_version(),
        executable=sys.executable,
        platform=platform.platform(),
        libraries={library: _version(library) for library in LIBRARIES},
    )
    if other := namesake.installed():
        report.problems.append(Problem(namesake.said(other), namesake.FIX))
    installed = discovery.announced()
    report.problems += _unheard(installed)
    third_parties = dict.fromkeys(plugin.distribution for plugin in installed if not plugin.shipped)
    unmet = [problem for name in (SHIPPED, *LIBRARIES, *third_parties) for problem in _unmet(name)]
    report.problems += dict.fromkeys(unmet)
    for outcome in _outcomes():
        _note(report, outcome)
    return report


# What could take the interpreter down is tried in a process of its own: each examination by name, in that order


def _examinations() -> dict[str, Callable[[], Any]]:
    return {
        **{f"import {library}": partial(_import, library) for library in LIBRARIES},
        "devices": _devices,
        "caches": _caches,
        "plugins": _plugins,
    }


def examine_alone(path: str, names: Sequence[str]) -> None:
    """What the process of its own does: writes a line of JSON before and after each examination."""
    with Path(path).open("w", encoding="utf-8") as report:
        for name in names:
            print(json.dumps({"name": name}), file=report, flush=True)
            try:
                outcome = {"value": _examinations()[name]()}
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # SystemExit included
                outcome = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
            print(json.dumps({"name": name, **outcome}), file=report, flush=True)


def _outcomes() -> Iterator[dict[str, Any]]:
    """What the examinations gave: `name`, and `value` or `error`.

    When the process dies of one, the others go on in another process.
    """
    code = "import sys; from segzoo.cli.doctor import examine_alone; examine_alone(sys.argv[1], sys.argv[2:])"
    environ = {**os.environ, "SEGZOO_STRICT_PLUGINS": "", "PYTHONWARNINGS": "ignore"}
    names = list(_examinations())
    while names:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "examinations"
            path.touch()
            command = [sys.executable, "-c", code, str(path), *names]
            try:
                status = subprocess.run(command, env=environ, capture_output=True, timeout=PATIENCE).returncode
                ending = f"the process ended with {Signals(-status).name if status < 0 else f'status {status}'}"
            except subprocess.TimeoutExpired:
                ending = f"no answer in {PATIENCE} seconds"
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        answered = [line for line in lines if len(line) > 1]
        yield from answered
        names = names[len(answered) :]
        if names:
            yield {"name": names.pop(0), "error": ending}


def _import(library: str) -> None:
    import_module(library)


def _devices() -> list[str]:
    import torch

    found = [f"cpu ({torch.get_num_threads()} threads)"]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        found.append(f"cuda:{index} ({properties.name}, {_size(properties.total_memory)})")
    found += ["mps"] if torch.backends.mps.is_available() else []
    return found + [f"xpu:{index}" for index in range(torch.xpu.device_count())]


def _caches() -> dict[str, int]:
    from huggingface_hub.constants import HF_HUB_CACHE

    folders = [Path(HF_HUB_CACHE)]
    if torch := sys.modules.get("torch"):
        folders.append(Path(torch.hub.get_dir()))
    return {str(folder): _bytes_in(folder) for folder in folders}


def _plugins() -> list[dict[str, Any]]:
    """A row for each; one whose class can't be imported, though it registers, has the reason as its error."""
    from segzoo.host import registry

    rows = []
    for info in registry.plugins():
        row = asdict(info)
        if set(LIBRARIES) <= sys.modules.keys():  # without them no class can be imported, and that is said once
            for _, provided in registry.provided_by(info):
                try:
                    provided.load()
                except PluginError as error:
                    row.update(status="broken", error=str(error))
        rows.append(row)
    return rows


# What an outcome means


def _note(report: Report, outcome: Mapping[str, Any]) -> None:
    name: str = outcome["name"]
    value: Any = outcome.get("value")
    error: str | None = outcome.get("error")
    library = name.removeprefix("import ")
    if error:
        if any(error in problem.what for problem in report.problems):
            return  # what needs torch fails as torch does
        if library not in LIBRARIES:
            fix = "allow them one by one with SEGZOO_PLUGINS" if name == "plugins" else f"reinstall torch and {SHIPPED}"
            report.problems.append(Problem(f"{name} can't be examined: {error}", fix))
        elif report.libraries[library]:  # else it is missing, and _unmet has said so
            fix = TOGETHER if library != "timm" else "reinstall timm"
            report.problems.append(Problem(f"{library} can't be imported: {error}", fix))
    elif name == "devices":
        report.devices = value
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
        if not hidden and not any(device.startswith("cuda") for device in value) and (gpus := _nvidia_gpus()):
            what = f"torch sees no GPU, and this machine has {gpus}"
            report.problems.append(Problem(what, "install a torch that is built for CUDA, or a newer driver"))
    elif name == "caches":
        report.caches = value
    elif name == "plugins":
        report.plugins = value
        for plugin in value:
            if plugin["status"] not in ("ready", "disabled"):
                report.problems.append(_trouble(plugin))


def _trouble(plugin: Mapping[str, Any]) -> Problem:
    distribution = plugin["distribution"]
    called = f"{namespace(distribution)}:{plugin['name']}"
    remedy = f"reinstall {SHIPPED}" if distribution == SHIPPED else f"upgrade it, `segzoo uninstall {distribution}`"
    return Problem(
        f"plugin {called} {plugin['version']} is {plugin['status']}: {plugin['error']}",
        f"{remedy}, or SEGZOO_DISABLE_PLUGINS={called}",
    )


def _unheard(installed: list[discovery.Candidate]) -> list[Problem]:
    """What the environment variables name, and nothing is called."""
    return [
        Problem(f"{variable} names {item!r}, and no installed plugin is called that", f"correct {variable}")
        for variable in ("SEGZOO_PLUGINS", "SEGZOO_DISABLE_PLUGINS")
        for item in discovery.split(os.environ.get(variable, ""))
        if not any(discovery.is_called(item, plugin.name, plugin.distribution) for plugin in installed)
    ]


def _unmet(name: str) -> list[Problem]:
    """Requirements of a distribution that the installed versions don't meet, those of extras left out."""
    try:
        needed = [Requirement(line) for line in requires(name) or ()]
    except (PackageNotFoundError, ValueError):
        return []
    problems = []
    for each in needed:
        if each.marker and not each.marker.evaluate({"extra": ""}):
            continue
        if normalise(each.name) == NAMESPACE:
            what = f"{name} needs the distribution {NAMESPACE!r}, which is another project"
            problems.append(Problem(what, f"ask its author to require {SHIPPED!r} instead"))
            continue
        found = _version(each.name)
        if found is None or not each.specifier.contains(found, prereleases=True):
            have = f"{each.name} {found} is installed" if found else f"{each.name} is not"
            wanted = f"{each.name}{each.specifier}"
            fix = TOGETHER if {name, each.name} == {"torch", "torchvision"} else _install(wanted)
            problems.append(Problem(f"{name} needs {wanted}, and {have}", fix))
    return problems


def _install(wanted: str) -> str:
    """The command that installs what is missing."""
    try:
        return f"`{environment.quoted(environment.install_command(environment.tool(), [Requirement(wanted)]))}`"
    except PluginError as error:
        return str(error)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _nvidia_gpus() -> str:
    """What the driver's own tool lists, in one line; empty where there is none."""
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "; ".join(line.partition(" (")[0] for line in listed.stdout.splitlines() if line.startswith("GPU "))


def _bytes_in(folder: Path) -> int:
    return sum(
        path.stat().st_size
        for path in (Path(parent) / name for parent, _, names in os.walk(folder) for name in names)
        if path.is_file() and not path.is_symlink()  # the hub's cache shows each file a second time, as a link
    )


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _page(report: Report) -> str:
    from tabulate import tabulate

    rows = [
        ("segzoo", report.segzoo),
        ("Python", f"{report.python} at {report.executable}, {report.platform}"),
        *((library, number or "not installed") for library, number in report.libraries.items()),
        ("devices", ", ".join(report.devices) or "unknown"),
        ("plugins", _counts(report.plugins) or "unknown"),
        *(("cache", f"{folder}, {_size(size)}") for folder, size in report.caches.items()),
    ]
    lines = tabulate(rows, tablefmt="plain", disable_numparse=True).splitlines()
    if report.problems:
        lines += ["", f"{len(report.problems)} to fix:"]
        for problem in report.problems:
            lines += [f"- {problem.what}", f"  {problem.fix}"]
    else:
        lines += ["", "nothing to fix"]
    return "\n".join(lines)


def _counts(plugins: list[dict[str, Any]]) -> str:
    statuses = [plugin["status"] for plugin in plugins]
    return ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
