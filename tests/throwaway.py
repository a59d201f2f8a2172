"""Throw-away distributions: what pip leaves behind, written by hand."""

from __future__ import annotations

from importlib.metadata import EntryPoint, distributions
from pathlib import Path

IMPORT_RAISES = "raise RuntimeError('no GPU today')"


def write_distribution(
    folder: Path,
    name: str,
    source: str,
    *,
    version: str = "1.0",
    module: str | None = None,
    entry_points: str | None = None,
) -> None:
    """A distribution of one module, announced as a plugin of its own name unless said otherwise."""
    module = module or name.replace("-", "_")
    (folder / f"{module}.py").write_text(f"import segzoo\n{source}\n")
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[segzoo]\n{entry_points or f'{name} = {module}'}\n")


def provides(hook: str, *specs: str) -> str:
    """A module that implements a hook: `provides("decoders", "DecoderSpec(name='a', target='m:A')")`."""
    return f"@segzoo.hookimpl\ndef segzoo_{hook}():\n    return [{', '.join(f'segzoo.{spec}' for spec in specs)}]"


def decoder(name: str, target: str = "nowhere:Nothing", **fields: object) -> str:
    rest = "".join(f", {key}={value!r}" for key, value in fields.items())
    return f"DecoderSpec(name={name!r}, target={target!r}{rest})"


def decoders(*names: str) -> str:
    """A module that provides decoders of these names."""
    return provides("decoders", *(decoder(name) for name in names))


def entry_points(folder: Path) -> list[EntryPoint]:
    return [entry_point for found in distributions(path=[str(folder)]) for entry_point in found.entry_points]
