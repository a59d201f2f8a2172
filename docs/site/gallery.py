"""The gallery: a page of each decoder, from its descriptor, its class and `costs.json`, and a page of them all."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator

import costs
from decoders import options_table, paper_link, shipped
from tabulate import tabulate

import segzoo
from segzoo.host.descriptors import DecoderSpec
from segzoo.host.registry import Provided
from segzoo.pictures import draw_plan

INTRODUCTION = """# Gallery of decoders

Each page has the plan with a pyramid (`resnet18`) and with a plain transformer (`vit_tiny_patch16_224`), what it costs,
the options, and how it works, down to its `forward`. [All options on one page](../decoders.md) is the short form.
Plugins bring more decoders: `segzoo decoders` lists what is installed.
"""
TWO_KINDS = {"resnet18": "a pyramid", "vit_tiny_patch16_224": "a plain transformer"}


def pages() -> dict[str, str]:
    """Markdown and SVG by path below `docs/`."""
    found = shipped()
    written = {"gallery/index.md": _index(found)}
    for each in found:
        plans = {encoder: _plan(encoder, each.name) for encoder in TWO_KINDS}
        written[f"gallery/{each.name}.md"] = _page(each, plans)
        for encoder, plan in plans.items():
            if isinstance(plan, segzoo.Plan):
                written[f"gallery/{each.name}-{encoder}.svg"] = draw_plan(plan)
    return written


def _index(found: list[Provided[DecoderSpec]]) -> str:
    rows = [
        (f"[{each.name}]({each.name}.md)", each.descriptor.good_for, paper_link(each.descriptor.paper))
        for each in found
    ]
    table = tabulate(rows, headers=["name", "good for", "paper"], tablefmt="github")
    contents = "\n".join(each.name for each in found)
    return f"{INTRODUCTION}\n{table}\n\n{costs.overview()}\n```{{toctree}}\n:hidden:\n\n{contents}\n```\n"


def _page(found: Provided[DecoderSpec], plans: dict[str, segzoo.Plan | str]) -> str:
    about, decoder = found.descriptor, found.load()
    sections = [
        f"# {found.name}",
        # The search cuts text into words, but finds entries of the index in one piece.
        f"```{{index}} single: {about.paper}\n```",
        f"{about.summary[0].upper()}{about.summary[1:]}.",
        f"**Good for.** {about.good_for}",
        f"**Paper.** {paper_link(about.paper)}. **Licence of the code.** {about.license}.",
        f'```python\nmodel = segzoo.create_model("{_partner(plans)}", "{found.name}", classes=19)\n```',
        "## Plan",
        *(_shown(found.name, encoder, plan) for encoder, plan in plans.items()),
        "## Cost",
        costs.of(found.name),
        "## Options",
        options_table(found),
        "## How it works",
        _explanation(decoder),
        f"```python\n{textwrap.dedent(inspect.getsource(decoder.forward))}```",
    ]
    return "\n\n".join(sections) + "\n"


def _plan(encoder: str, decoder: str) -> segzoo.Plan | str:
    """The plan, or why there is none."""
    try:
        return segzoo.plan(encoder, decoder)
    except segzoo.NegotiationError as refused:
        return str(refused)


def _partner(plans: dict[str, segzoo.Plan | str]) -> str:
    """An encoder that it works with."""
    return next(encoder for encoder, plan in plans.items() if isinstance(plan, segzoo.Plan))


def _shown(name: str, encoder: str, plan: segzoo.Plan | str) -> str:
    title = f"### With {TWO_KINDS[encoder]}, `{encoder}`"
    if isinstance(plan, str):
        return f"{title}\n\nRefused: {plan}"
    figure = f"![The plan of {name} with {encoder}; as text below]({name}-{encoder}.svg)"
    return f"{title}\n\n{figure}\n\n```\n$ segzoo plan {encoder} {name}\n{plan}\n```"


def _explanation(decoder: type[segzoo.Decoder]) -> str:
    """What the docstring says before it comes to parameters."""
    return "\n\n".join(_paragraphs(inspect.getdoc(decoder) or ""))


def _paragraphs(docstring: str) -> Iterator[str]:
    for paragraph in docstring.split("\n\n"):
        if paragraph.startswith(":"):
            return
        yield paragraph
