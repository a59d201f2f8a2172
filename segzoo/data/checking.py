"""A look at all samples before anything trains: what there is, and what is wrong with it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from segzoo.data.dataset import TRAIN, VAL, Dataset
from segzoo.data.sample import Sample
from segzoo.data.samples import check as check_sample
from segzoo.data.target import object_numbers, panoptic_target
from segzoo.errors import DataError
from segzoo.labels import IGNORE

TINY = 32  # pixels a side
NEARLY_ALL = 0.99  # of the pixels, in one class
RARE = 1e-4  # of the pixels: values below it are few enough to be smears
READ_AT_ONCE = 4


@dataclass(frozen=True)
class SplitReport:
    """What one split holds.

    :param samples: how many can be used, of those listed.
    :param smallest: height and width of the smallest image by its pixels; `largest` likewise, `middle` the medians.
    :param pixels: of each class.
    :param images: in which each class is seen.
    :param ignored: the share of pixels that have no class.
    :param objects: of each class; None where the data tells none apart.
    :param loose: the share of pixels that are of things, and belong to no object.
    """

    samples: int
    smallest: tuple[int, int]
    middle: tuple[int, int]
    largest: tuple[int, int]
    types: tuple[str, ...]
    pixels: tuple[int, ...]
    images: tuple[int, ...]
    ignored: float
    objects: tuple[int, ...] | None = None
    loose: float = 0.0


@dataclass(frozen=True)
class DataReport:
    """What was found.

    :param splits: by name.
    :param errors: by sample, what makes it unusable, and what to do.
    :param warnings: what can be used, and is probably not meant so.
    """

    classes: tuple[str, ...]
    channels: int
    splits: Mapping[str, SplitReport]
    errors: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "classes": list(self.classes),
            "channels": self.channels,
            "splits": {name: vars(split) for name, split in self.splits.items()},
            "errors": dict(self.errors),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class _Seen:
    """What is kept of one sample."""

    size: tuple[int, int]
    type: str
    pixels: NDArray[np.int64]
    ignored: int
    print: bytes
    objects: NDArray[np.int64] | None
    loose: int  # pixels of things that belong to no object


def check(dataset: Dataset, splits: Mapping[str, Sequence[str]], *, quiet: bool = False) -> DataReport:
    """Read every sample.

    :param splits: the names of the samples to read; those of `segzoo.data.split`.
    :param quiet: no progress bar.
    :raises DataError: when no sample can be used.
    """
    errors: dict[str, str] = {}
    found: dict[str, dict[str, _Seen]] = {}
    total = sum(map(len, splits.values()))
    with (
        ThreadPoolExecutor(READ_AT_ONCE) as pool,
        tqdm(total=total, desc="reading", unit="sample", delay=2, disable=quiet) as progress,
    ):
        for split, names in splits.items():
            seen: dict[str, _Seen] = {}
            for name, result in zip(names, pool.map(lambda name: _look(dataset, name), names), strict=True):
                progress.update()
                if isinstance(result, str):
                    errors[name] = result
                else:
                    seen[name] = result
            found[split] = seen
    if not any(found.values()):
        first = next(iter(errors.values()), "there are none")
        raise DataError(f"none of the {total} samples of {dataset.path} can be used: {first}")
    reports = {split: _summary(seen) for split, seen in found.items() if seen}
    return DataReport(
        dataset.labels.names, dataset.channels, reports, errors, tuple(_warnings(dataset.labels.names, reports, found))
    )


def _look(dataset: Dataset, name: str) -> _Seen | str:
    """What there is to say of one sample; a text where it can't be used."""
    try:
        sample = dataset.read(name)
        check_sample(sample, dataset)
    except DataError as error:
        return str(error)
    objects, loose = _objects(dataset, sample) if dataset.has_instances else (None, 0)
    known = sample.mask[sample.mask != IGNORE]
    pixels = np.bincount(known.ravel(), minlength=dataset.classes)
    height, width = sample.mask.shape
    shape = np.ascontiguousarray(sample.image)
    return _Seen(
        (height, width), str(sample.image.dtype), pixels, sample.mask.size - known.size,
        hashlib.blake2b(shape.tobytes(), digest_size=16).digest(), objects, loose,
    )  # fmt: skip


def _objects(dataset: Dataset, sample: Sample) -> tuple[NDArray[np.int64], int]:
    """How many objects there are of each class, and how many pixels of things belong to none."""
    assert sample.instances is not None
    numbers = np.unique(object_numbers(panoptic_target(sample, dataset.labels), dataset.classes).numpy())
    counts = np.bincount(numbers[numbers > 0] % dataset.classes, minlength=dataset.classes)
    loose = np.isin(sample.mask, dataset.labels.things or ()) & (sample.instances == 0)
    return counts, int(loose.sum())


def _summary(seen: Mapping[str, _Seen]) -> SplitReport:
    sizes = sorted((each.size for each in seen.values()), key=lambda size: size[0] * size[1])
    pixels = np.sum([each.pixels for each in seen.values()], axis=0)
    ignored = sum(each.ignored for each in seen.values())
    objects = [each.objects for each in seen.values() if each.objects is not None]
    loose = sum(each.loose for each in seen.values())
    return SplitReport(
        samples=len(seen),
        smallest=sizes[0],
        middle=(round(median(size[0] for size in sizes)), round(median(size[1] for size in sizes))),
        largest=sizes[-1],
        types=tuple(sorted({each.type for each in seen.values()})),
        pixels=tuple(map(int, pixels)),
        images=tuple(int(sum(each.pixels[k] > 0 for each in seen.values())) for k in range(len(pixels))),
        ignored=ignored / max(1, ignored + int(sum(pixels))),
        objects=tuple(map(int, np.sum(objects, axis=0))) if objects else None,
        loose=loose / max(1, int(sum(pixels))),
    )


def _warnings(
    names: Sequence[str], reports: Mapping[str, SplitReport], found: Mapping[str, Mapping[str, _Seen]]
) -> Iterator[str]:
    for split in (TRAIN, VAL):
        if split in reports:
            yield from _of_split(split, names, reports[split])
    if TRAIN in found and VAL in found:
        trained = {each.print for each in found[TRAIN].values()}
        if twins := [name for name, each in found[VAL].items() if each.print in trained]:
            yield f"{len(twins)} images of {VAL} are in {TRAIN} too ({_listed(twins)}): scores will be too good"
    for split, seen in found.items():
        same = Counter(each.print for each in seen.values())
        if (twice := sum(count - 1 for count in same.values())) > 0:
            yield f"{twice} images of {split} are there more than once"


def _of_split(split: str, names: Sequence[str], report: SplitReport) -> Iterator[str]:
    total = max(1, sum(report.pixels))
    if missing := [name for name, count in zip(names, report.pixels, strict=True) if count == 0]:
        lost = "learned" if split == TRAIN else "measured"
        yield f"no pixel of {split} is of class {_listed(missing)}: it can't be {lost}"
    most = max(report.pixels)
    if most > NEARLY_ALL * total:
        yield f"{most / total:.1%} of {split} is {names[report.pixels.index(most)]!r}: balance the loss (--balanced)"
    if min(report.smallest) < TINY:
        yield f"{split} has images as small as {report.smallest[0]}x{report.smallest[1]} pixels"
    rare = [count for count in report.pixels if 0 < count < RARE * total]
    if len(rare) > max(2, len(names) // 2):
        yield (
            f"{len(rare)} of {len(names)} classes of {split} have hardly a pixel: list the classes, or see whether the "
            "masks were saved in a format that smears values, such as JPEG, or resized with interpolation"
        )
    if report.objects is not None and not any(report.objects):
        yield f"{split} has no objects: see whether its maps of objects are empty, or which classes are things"
    elif report.loose:
        yield f"{report.loose:.2%} of {split} is of things and belongs to no object: such pixels are ignored"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
