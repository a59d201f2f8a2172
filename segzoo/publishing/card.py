"""The model card: what a reader of the folder, or of the hub's page, wants to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from segzoo.errors import OptionError
from segzoo.host import registry, sources
from segzoo.host.discovery import SHIPPED
from segzoo.publishing.config import CALLED, Config, parts

if TYPE_CHECKING:
    from segzoo.model import SegmentationModel

NAME = "README.md"
CURVE = "curve.png"
ROUND = 1000
"""From here on a number has no digits after the point."""


@dataclass(frozen=True)
class Claims:
    """What the publisher says of a model.

    :param metrics: such as `{"mIoU": 45.6}`.
    :param dataset: that it was trained on, by its name on the hub if it has one.
    :param license: of the weights, an SPDX identifier in lower case as the hub has them (`"apache-2.0"`).
    :param curve: a picture, PNG, of how it was trained; the card shows it.
    :raises OptionError: for values of other types.
    """

    metrics: Mapping[str, float] | None = None
    dataset: str | None = None
    license: str | None = None
    curve: str | PathLike[str] | None = None

    def __post_init__(self) -> None:
        metrics = {} if self.metrics is None else self.metrics
        if not isinstance(metrics, Mapping) or not all(
            isinstance(name, str) and isinstance(value, Real) for name, value in metrics.items()
        ):
            raise OptionError(f'metrics are names and numbers, such as {{"mIoU": 45.6}}, got {metrics!r}')
        for what in ("dataset", "license"):
            if not isinstance(getattr(self, what), str | None):
                raise OptionError(f"{what} is a string, got {getattr(self, what)!r}")
        if self.curve is not None and not Path(self.curve).is_file():
            raise OptionError(f"curve is the path of a picture, got {self.curve!r}")


def write_card(model: SegmentationModel, config: Config, claims: Claims) -> str:
    """The text of a model card, its metadata included."""
    from huggingface_hub import ModelCard, ModelCardData

    answers = model.decoder.tasks if model.decoder.emits == "queries" else ("semantic",)
    data = ModelCardData(
        license=claims.license,
        library_name=config.library_name,
        pipeline_tag="image-segmentation",
        tags=["segzoo", *(f"{task}-segmentation" for task in answers), "pytorch"],
        datasets=[claims.dataset] if claims.dataset else None,
        metrics=list(claims.metrics) if claims.metrics else None,
    )
    body = "\n\n".join(_sections(model, config, claims))
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{body}\n"))


def _sections(model: SegmentationModel, config: Config, claims: Claims) -> Iterator[str]:
    names = {kind: part.id.rpartition("/")[2].rpartition(":")[2] for kind, part in parts(config.plan)}
    heads = ", ".join(f"{head.classes} classes ({name})" for name, head in config.heads.items())
    yield f"# {names['decoder']} on {names['encoder']}"
    yield f"A semantic-segmentation model of [segzoo](https://pypi.org/project/segzoo-torch): {heads}."
    yield "## Usage"
    yield (
        "```python\nimport segzoo\nfrom PIL import Image\n\n"
        'model = segzoo.from_pretrained("path/to/this/folder")  # or the id of its page on the hub\n'
        'picture = Image.open("picture.jpg").convert("RGB")\n'
        "classes = model.predict(model.preprocessing(picture))\n"
        f"{_objects(model)}```"
    )
    yield f"It needs\n\n```sh\npip install {' '.join(_distributions(config))}\n```"
    yield "`segzoo verify FOLDER` checks that it computes on your machine what it computed where it was saved."
    yield "## Plan"
    yield f"```\n{config.plan}\n```"
    total = sum(parameter.numel() for parameter in model.parameters())
    yield f"## Parameters\n\n{total / 1e6:.2f} M parameters in all."
    yield "## Licences"
    yield "\n".join(_licences(model, config, claims))
    yield "## Classes"
    for name, head in config.heads.items():
        yield f"{name}: " + (", ".join(head.names) if head.names else f"{head.classes}, without names")
        if head.things is not None:
            told_apart = ", ".join(map(head.labels.name, head.things)) or "none"
            yield f"Of {name} the objects of these are told apart: {told_apart}."
    if claims.dataset:
        yield f"## Dataset\n\n{claims.dataset}"
    if claims.metrics:
        yield "## Metrics"
        rows = "\n".join(f"| {name} | {_rounded(value)} |" for name, value in claims.metrics.items())
        yield f"| metric | value |\n| --- | --- |\n{rows}"
    if claims.curve:
        yield f"## Training\n\n![Loss and score over the steps]({CURVE})"


def _objects(model: SegmentationModel) -> str:
    """How to ask for more than classes, where the decoder can answer."""
    able = model.decoder.emits == "queries" and "panoptic" in model.decoder.tasks
    return 'segments = model.segment(model.preprocessing(picture), "panoptic")\n' if able else ""


def _distributions(config: Config) -> list[str]:
    """What to install: segzoo, and the plugins of others that the model needs."""
    others = {part.distribution for _, part in parts(config.plan)} - {None, registry.RUNTIME, SHIPPED}
    return [SHIPPED, *sorted(filter(None, others))]


def _rounded(value: float) -> str:
    """With four digits, as far as they come after the point."""
    return f"{value:,.0f}" if abs(value) >= ROUND else f"{value:.4g}"


def _licences(model: SegmentationModel, config: Config, claims: Claims) -> Iterator[str]:
    yield f"- These weights: {claims.license or 'the publisher states none'}"
    encoder = sources.find_encoder(config.plan.encoder.id)
    try:
        facts = encoder.known_facts()
    except Exception:  # a source's own; a model isn't lost for a line of its card
        facts = None
    for kind, part in parts(config.plan):
        if kind == "encoder":
            code = (facts and facts.license) or encoder.provided.descriptor.license
        else:
            find = registry.find_neck if kind == "neck" else registry.find_decoder
            code = find(part.id).descriptor.license
        what = CALLED.get(kind, kind)
        yield f"- Code of the {what}, {part.id} of {part.distribution} {part.version}: {code or 'not stated'}"
    if model.from_published is False:
        return
    published = (facts and facts.weights_licenses) or (encoder.provided.descriptor.weights_license,)
    if any(published):
        yield (
            f"- The weights published for the encoder: {', '.join(each or 'not stated' for each in published)}; what "
            "was trained from them may be bound by it"
        )
