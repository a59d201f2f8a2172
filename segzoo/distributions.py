"""What distributions are called: segzoo's own, those of plugins, and what stands for them in ids."""

from __future__ import annotations

import re

SHIPPED = "segzoo-torch"
"""The distribution whose plugins ship with segzoo; their names are reserved."""
NAMESPACE = "segzoo"
"""What stands before the colon in their ids. In the package index that is the name of another project."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_.+-]*\Z", re.IGNORECASE)


def is_name(name: str) -> bool:
    """Whether a decoder, encoder source, neck, importer, dataset or distribution can be called that."""
    return _NAME.match(name) is not None


def normalise(distribution: str) -> str:
    """The name of a distribution as PEP 503 compares it.

    >>> normalise("Segzoo_OCR")
    'segzoo-ocr'
    """
    return re.sub(r"[-_.]+", "-", distribution).lower()


def namespace(distribution: str) -> str:
    """What stands before the colon in the ids of a distribution's plugins.

    >>> namespace("segzoo-torch"), namespace("segzoo-ocr")
    ('segzoo', 'segzoo-ocr')
    """
    return NAMESPACE if distribution == SHIPPED else distribution


def distribution_of(namespace: str) -> str:
    """The distribution that a namespace stands for, as the package index calls it.

    >>> distribution_of("segzoo"), distribution_of("segzoo-ocr")
    ('segzoo-torch', 'segzoo-ocr')
    """
    return SHIPPED if namespace == NAMESPACE else namespace
