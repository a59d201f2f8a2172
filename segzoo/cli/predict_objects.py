"""`segzoo predict --task instance`, or `panoptic`: the objects in images, each of which is in memory as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segzoo.cli.devices import move

if TYPE_CHECKING:
    from segzoo.labels import Labels
    from segzoo.segmentation.findings import Finding


def predict_objects(
    model: str, paths: Sequence[str], output: Path, device: str, task: Any, *, things: str | None, **limits: Any
) -> list[dict[str, Any]]:
    """What was found in each image, which is written as well.

    :param limits: `threshold`, `overlap` and `top`, as `model.segment` takes them.
    """
    from tqdm import tqdm

    import segzoo
    from segzoo.data.reading import in_colour, read_image
    from segzoo.errors import InputError
    from segzoo.segmentation.findings import findings
    from segzoo.segmentation.writing import Writer

    files = _pictures([Path(path) for path in paths])
    loaded = move(segzoo.from_pretrained(model), device)
    ((head, classes), *_) = loaded.head.classes.heads.items()
    labels = loaded.labels.get(head, segzoo.Labels())
    chosen = None if things is None else _numbers(things, labels)
    if chosen is not None:
        labels = segzoo.Labels(labels.names, labels.palette, chosen)
        labels.check(head, classes)
    writer = Writer(output, task, labels, classes)
    _check_overwriting(files, writer)
    precision = next(loaded.parameters()).dtype
    rows = []
    for path in tqdm(files, desc="predicting", unit="image", delay=2, disable=len(files) == 1):
        image = read_image(path)
        if loaded.plan.request.in_channels == 3:
            image = in_colour(image)
        try:
            pixels = loaded.preprocessing(image).to(precision)
            result: Any = loaded.segment(pixels, task, things=chosen, **limits)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        found = findings(result)
        writer.add(path.stem, path.name, image, result, found)
        rows.append(_row(path, image.shape, found, labels))
    writer.finish()
    return rows


def _pictures(paths: Sequence[Path]) -> list[Path]:
    """The files, and those in the folders.

    :raises DataError: for nothing to read, or two of one name.
    """
    from segzoo.data.reading import PICTURES
    from segzoo.errors import DataError

    files: list[Path] = []
    for path in paths:
        inside = sorted(each for each in path.iterdir() if each.suffix.lower() in PICTURES) if path.is_dir() else [path]
        if not inside:
            raise DataError(f"there are no images in {path}; their names end in {', '.join(sorted(PICTURES))}")
        files += inside
    name, count = Counter(path.stem for path in files).most_common(1)[0]
    if count > 1:
        raise DataError(f"{count} images are called {name!r}, and so would be their results; predict them one by one")
    return files


def _check_overwriting(files: Sequence[Path], writer: Any) -> None:
    """See that no image is replaced by what is found in it."""
    from segzoo.errors import OptionError

    images = {path.resolve() for path in files}
    for path in files:
        for written in writer.files(path.stem):
            if written.resolve() in images:
                raise OptionError(f"{written} is an image that would be overwritten; give another folder as --output")


def _numbers(things: str, labels: Labels) -> tuple[int, ...]:
    """Classes by name or number."""
    from segzoo.errors import OptionError

    numbers = []
    for each in filter(None, (part.strip() for part in things.split(","))):
        if each in labels.names:
            numbers.append(labels.names.index(each))
        elif each.isascii() and each.isdigit():
            numbers.append(int(each))
        else:
            raise OptionError(
                f"there is no class {each!r}; the model has {', '.join(labels.names) or 'no names for its classes'}"
            )
    return tuple(numbers)


def _row(path: Path, shape: tuple[int, ...], found: Sequence[Finding], labels: Labels) -> dict[str, Any]:
    height, width = shape[:2]
    plain = [
        {"class": labels.name(each.label), "score": each.score, "area": each.area, "box": list(each.box)}
        for each in found
    ]
    return {"image": str(path), "height": height, "width": width, "found": plain}
