"""Writes decoders.md beside this file, from what the decoders say of themselves: `python docs/decoders.py`."""

from pathlib import Path

from tabulate import tabulate

from segzoo.handshake.decoder_options import describe_options
from segzoo.host import registry
from segzoo.host.descriptors import DecoderSpec
from segzoo.host.registry import Provided

PAGE = Path(__file__).with_name("decoders.md")
INTRODUCTION = """# The decoders that ship with segzoo

Each works with every encoder; `segzoo plan ENCODER DECODER` shows how. Their options are below, as they are declared:
`create_model(..., decoder_options={"width": 64})` sets them, and `segzoo decoders NAME` shows them too. Plugins add
more, and `segzoo decoders` lists them all. This page is written by `python docs/decoders.py`.
"""


def page() -> str:
    shipped = sorted((found for found in registry.decoders().values() if found.shipped), key=lambda found: found.name)
    rows = [
        (f"[`{each.name}`](#{each.name})", each.descriptor.summary, _link(each.descriptor.paper)) for each in shipped
    ]
    table = tabulate(rows, headers=["name", "what it does", "paper"], tablefmt="github")
    return "\n".join([INTRODUCTION, table, "", *map(_options, shipped)])


def _options(found: Provided[DecoderSpec]) -> str:
    rows = [
        (f"`{option['name']}`", option["takes"], f"`{option['default']!r}`", option["meaning"])
        for option in describe_options(found.load())
    ]
    return (
        f"## {found.name}\n\n{tabulate(rows, headers=['option', 'takes', 'default', 'meaning'], tablefmt='github')}\n"
    )


def _link(paper: str) -> str:
    return f"[{paper}](https://arxiv.org/abs/{paper.removeprefix('arXiv:')})" if paper.startswith("arXiv:") else paper


if __name__ == "__main__":
    PAGE.write_text(page())
