"""Writes decoders.md beside this file, from what the decoders say of themselves: `python docs/decoders.py`."""

from pathlib import Path

from tabulate import tabulate

from segzoo.host import registry

PAGE = Path(__file__).with_name("decoders.md")
INTRODUCTION = """# The decoders that ship with segzoo

Each works with every encoder; `segzoo plan ENCODER DECODER` shows how, and its class describes its options. Plugins add
more, and `segzoo decoders` lists them all. This page is written by `python docs/decoders.py`.
"""


def page() -> str:
    shipped = [found for found in registry.decoders().values() if found.shipped]
    rows = [
        (f"`{found.name}`", found.descriptor.summary, _link(found.descriptor.paper))
        for found in sorted(shipped, key=lambda found: found.name)
    ]
    return f"{INTRODUCTION}\n{tabulate(rows, headers=['name', 'what it does', 'paper'], tablefmt='github')}\n"


def _link(paper: str) -> str:
    return f"[{paper}](https://arxiv.org/abs/{paper.removeprefix('arXiv:')})" if paper.startswith("arXiv:") else paper


if __name__ == "__main__":
    PAGE.write_text(page())
