"""The page of encoders: a table of what the encoder sources know beforehand, which a script filters."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from segzoo.host import sources
from segzoo.host.facts import EncoderFacts

INTRODUCTION = """# Encoders

Any of these goes with any decoder that fits, which is nearly all: `segzoo plan ENCODER DECODER` says. The table has
what ships with segzoo, {count} architectures in all; plugins bring more, and `segzoo encoders NAME` shows one in full.

Weights are for `pretrained=True`, of the encoder alone, and are downloaded from whoever published them: mind the
licence. A tag says which set: `resnet50.a1_in1k`. There are no trained segmentation weights of segzoo's own yet.
"""
FORM = """<form class="encoders" role="search" onsubmit="return false">
  <p><label>Name or family <input id="encoder-name" type="search" autocomplete="off"></label></p>
  <p><label>Parameters up to, in millions <input id="encoder-size" type="number" min="0" step="any"></label></p>
  <p><label><input id="encoder-any-size" type="checkbox"> any size, neither padded nor resized</label></p>
  <p><label><input id="encoder-pyramid" type="checkbox"> a pyramid by itself</label></p>
  <p><label><input id="encoder-weights" type="checkbox"> has published weights</label></p>
  <p><output id="encoder-count" aria-live="polite"></output></p>
</form>
"""
LEGEND = """Strides are image pixels per map pixel, fine to coarse. Where an image is padded to a multiple, or resized
to the only size that an encoder takes, that is done for you, and the logits have the image's own size.
"""
COLUMNS = ("name", "family", "parameters", "strides", "image size", "dilates to", "class token", "licences of weights")


def pages() -> dict[str, str]:
    """Markdown by path below `docs/`."""
    facts = [facts for found in sources.encoders().values() if found.shipped and (facts := found.facts())]
    head = "".join(f'<th scope="col">{each}</th>' for each in COLUMNS)
    body = "\n".join(_row(each) for each in facts)
    table = (
        '<div class="table-wrapper" tabindex="0" role="region" aria-label="Encoders">\n<table class="docutils" '
        f'id="encoders">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>\n'
        '<script src="../_static/encoders.js"></script>\n'
    )
    return {"encoders.md": "\n".join([INTRODUCTION.format(count=len(facts)), FORM, LEGEND, table])}


def _row(facts: EncoderFacts) -> str:
    data = {
        "name": f"{facts.name} {facts.family}".lower(),
        "millions": f"{facts.parameters / 1e6:.3f}",
        "any-size": int(facts.any_size),
        "pyramid": int(len(set(facts.native_strides)) == len(facts.native_strides) > 1),
        "weights": int(bool(facts.weights)),
    }
    attributes = " ".join(f'data-{key}="{escape(str(value))}"' for key, value in data.items())
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in _cells(facts))
    return f'<tr {attributes}><th scope="row"><code>{escape(facts.name)}</code></th>{cells}</tr>'


def _cells(facts: EncoderFacts) -> Iterator[str]:
    yield facts.family
    yield f"{facts.parameters / 1e6:.2f} M"
    yield ", ".join(map(str, facts.native_strides))
    yield _size(facts)
    yield ", ".join(map(str, facts.dilates_to)) or "-"
    yield "yes" if facts.class_token else "-"
    yield ", ".join(each or "not stated" for each in facts.weights_licenses) or "no weights"


def _size(facts: EncoderFacts) -> str:
    if facts.input_spec.fixed:
        height, width = facts.input_spec.fixed
        return f"{height}x{width} alone"
    return "any" if facts.any_size else f"multiples of {facts.input_spec.multiple}"
