"""Plugins to start from: a complete package, written from the files beside this one.

`files/common` goes into every plugin, the folder of its kind beside it. In a file, `$name` and the like are replaced
(`string.Template`); of its path, the suffix `.template` is dropped, so that no tool takes it for what it will become.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from string import Template
from typing import Any, Literal, get_args

from segzoo import __version__
from segzoo.distributions import SHIPPED
from segzoo.errors import AmbiguousNameError, OptionError, UnknownNameError
from segzoo.host.descriptors import API_VERSION
from segzoo.host.discovery import announced

Kind = Literal["decoder", "encoder", "neck"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FILES = Path(__file__).with_name("files")
SUFFIX = ".template"

_NAME = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*\Z")


@dataclass(frozen=True)
class Names:
    """What a new plugin calls itself.

    >>> names = Names.of("decoder", "object-context")
    >>> names.distribution, names.package, names.class_name
    ('segzoo-object-context', 'segzoo_object_context', 'ObjectContextDecoder')
    """

    kind: Kind
    name: str
    distribution: str
    package: str
    class_name: str

    @classmethod
    def of(cls, kind: Kind, name: str) -> Names:
        words = re.split("[_-]", name)
        title = "".join(word.capitalize() for word in words)
        return cls(
            kind=kind,
            name=name,
            distribution=f"segzoo-{'-'.join(words)}",
            package=f"segzoo_{'_'.join(words)}",
            class_name=f"{title.removesuffix(kind.capitalize())}{kind.capitalize()}",
        )


def write_plugin(kind: Kind, name: str, folder: Path | None = None, author: str | None = None) -> Path:
    """Write a plugin that can be installed, tested and built as it is.

    :param name: of the decoder, encoder or neck.
    :param folder: to write; `segzoo-NAME` in the working directory if None. All of it is written or nothing.
    :param author: for the licence and the metadata; who git says that the user is if None.
    :returns: the folder.
    :raises OptionError: when the name is not valid or ships with segzoo, nobody knows the author, or the folder holds
        something or can't be written.
    """
    check_name(kind, name)
    names = Names.of(kind, name)
    author = git_author() if author is None else author.strip()
    if not author or not author.isprintable():
        raise OptionError(f"say in one line who writes this plugin (--author), got {author!r}")
    folder = Path(names.distribution) if folder is None else folder
    values = {
        **asdict(names),
        "author": author,
        "quoted_author": json.dumps(author, ensure_ascii=False),  # a basic string of TOML is one of JSON
        "year": date.today().year,
        "api": API_VERSION,
        "segzoo_version": __version__,
    }
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OptionError(f"{folder} exists and holds something; name another folder (--output)")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".segzoo-new-") as temporary:
            written = Path(temporary) / "plugin"
            for source, target in _files(names):
                path = written / target
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(Template(source.read_text(encoding="utf-8")).substitute(values), encoding="utf-8")
            if folder.exists():
                folder.rmdir()
            written.rename(folder)
    except OSError as error:
        raise OptionError(f"{folder} can't be written: {error.strerror or error}") from error
    return folder


def check_name(kind: Kind, name: str) -> None:
    """Refuse what a new plugin can't be called.

    :raises OptionError: when the name is not valid or ships with segzoo.
    """
    if not _NAME.match(name):
        raise OptionError(
            f"the name of a {kind} is lower-case letters and digits, words joined by _ or -, such as object_context; "
            f"got {name!r}"
        )
    if name.startswith(("segzoo-", "segzoo_")):
        raise OptionError(f"the distribution is called segzoo-NAME by itself; give {name[len('segzoo-') :]!r} as NAME")
    names = Names.of(kind, name)
    modules = {plugin.entry_point.value for plugin in announced() if plugin.shipped and plugin.entry_point}
    if names.package in modules or names.distribution == SHIPPED or _ships(kind, name):
        raise OptionError(f"{name!r} ships with segzoo; give your {kind} a name of its own")


def git_author() -> str:
    """Who git says that the user is; empty where it doesn't."""
    try:
        return subprocess.run(
            ["git", "config", "user.name"], capture_output=True, text=True, encoding="utf-8", check=False
        ).stdout.strip()
    except OSError:
        return ""


def _ships(kind: Kind, name: str) -> bool:
    from segzoo.host import registry, sources  # torch comes with the sources

    find: Callable[[str], Any] = {
        "decoder": registry.find_decoder,
        "encoder": sources.find_encoder,
        "neck": registry.find_neck,
    }[kind]
    try:
        return bool(find(name).shipped)
    except (UnknownNameError, AmbiguousNameError):  # what ships is never ambiguous
        return False


def _files(names: Names) -> Iterator[tuple[Path, Path]]:
    """Each file of the template, and its path in the plugin."""
    places = {"package": f"src/{names.package}", "github": ".github", "gitignore": ".gitignore"}
    for root in (FILES / "common", FILES / names.kind):
        for source in sorted(root.rglob(f"*{SUFFIX}")):
            first, *rest = source.relative_to(root).with_suffix("").parts
            target = Path(places.get(first, first), *rest)
            yield source, target.with_name(target.name.replace("NAME", names.package.removeprefix("segzoo_")))
