"""The hooks that a plugin may implement. Start here to write one.

Each returns descriptors and imports nothing heavy::

    import segzoo

    @segzoo.hookimpl
    def segzoo_decoders():
        return [segzoo.DecoderSpec(name="ocr", target="segzoo_ocr.decoder:OCRDecoder", summary="...")]

The module is announced in the plugin's own `pyproject.toml`::

    [project.entry-points.segzoo]
    ocr = "segzoo_ocr"
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from segzoo.host.descriptors import DatasetSpec, DecoderSpec, EncoderSpec, ImporterSpec, NeckSpec

hookspec = pluggy.HookspecMarker("segzoo")
hookimpl = pluggy.HookimplMarker("segzoo")


@hookspec(historic=True)
def segzoo_decoders() -> Iterable[DecoderSpec]:
    """Decoders: each turns a feature list into a segmentation."""
    return ()


@hookspec(historic=True)
def segzoo_encoders() -> Iterable[EncoderSpec]:
    """Encoder sources: each resolves one or many encoder names."""
    return ()


@hookspec(historic=True)
def segzoo_necks() -> Iterable[NeckSpec]:
    """Necks: each turns a feature list into another one."""
    return ()


@hookspec(historic=True)
def segzoo_importers() -> Iterable[ImporterSpec]:
    """Importers of foreign checkpoint formats."""
    return ()


@hookspec(historic=True)
def segzoo_datasets() -> Iterable[DatasetSpec]:
    """Datasets: each reads images and masks that are stored in one form."""
    return ()
