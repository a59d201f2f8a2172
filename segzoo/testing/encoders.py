"""The promises of an encoder alone: it does what its spec says."""

from __future__ import annotations

from unittest import SkipTest

import torch

from segzoo.contract import FeatureSpec, InputSpec
from segzoo.encoder import Encoder
from segzoo.errors import ContractError, OptionError
from segzoo.host.encoder_source import measure_facts
from segzoo.testing.cases import ODD_SIZE, SIZE
from segzoo.testing.encoder_subject import EncoderSubject, taken_size
from segzoo.testing.modules import hold_close
from segzoo.testing.results import ConformanceError
from segzoo.token_encoder import TokenEncoder
from segzoo.verification import call_for_shapes, probe_image, verify_features

SIZES = (SIZE, ODD_SIZE, (224, 160))
CHANNELS = (1, 2, 4, 16)
ADMITTED = 2
"""Tokens of a decoder; no more than there are others."""
TOLERANCE = 1e-4


def spec(subject: EncoderSubject) -> None:
    """Its maps have the channels and strides that `spec` declares, at several sizes, odd ones included."""
    encoder = _on_meta(subject)
    _hold(encoder)
    for size in SIZES:
        image = torch.empty(2, 3, *taken_size(encoder, size), device="meta")
        features = call_for_shapes(encoder, image)
        found = [tuple(feature.shape[:2]) for feature in features]
        declared = [(2, channels) for channels in encoder.spec.channels]
        if found != declared:
            raise ConformanceError(f"for an image {tuple(image.shape)}: declared (B, C) {declared}, measured {found}")


def placeholders(subject: EncoderSubject) -> None:
    """Entry 0 has the image's size, placeholders that of their stride; all have the image's type and device."""
    encoder = subject.create().eval()
    image = torch.rand(1, 3, *taken_size(encoder, ODD_SIZE))
    with torch.no_grad():
        features = encoder(image)
    height, width = image.shape[-2:]
    for entry, feature in enumerate(features):
        if (feature.dtype, feature.device) != (image.dtype, image.device):
            raise ConformanceError(f"entry {entry} is {feature.dtype} on {feature.device}, the image is {image.dtype}")
        exact = entry == 0 or encoder.spec.is_placeholder(entry)
        if exact and tuple(feature.shape[-2:]) != encoder.spec.size(entry, (height, width)):
            raise ConformanceError(
                f"entry {entry} of an image of {height}x{width} has size {tuple(feature.shape[-2:])}, expected "
                f"{encoder.spec.size(entry, (height, width))}"
            )


def depth(subject: EncoderSubject) -> None:
    """Built for each depth, it ends at that stage and keeps to its spec, or refuses by an `OptionError`."""
    subject.not_if_built()
    deepest = _on_meta(subject).spec.depth
    for asked in range(1, deepest + 1):
        try:
            encoder = _on_meta(subject, depth=asked)
        except OptionError as refusal:
            if asked == deepest and "has no option" not in str(refusal):
                raise ConformanceError(f"it refuses its own depth, {asked}: {refusal}") from refusal
            continue
        if encoder.spec.depth != asked:
            raise ConformanceError(f"asked for depth {asked}, it has depth {encoder.spec.depth}: {encoder.spec}")
        _hold(encoder)


def in_channels(subject: EncoderSubject) -> None:
    """It takes images of 1, 2, 4 and 16 channels, and says so in its spec."""
    subject.not_if_built()
    own = _on_meta(subject).spec.channels[0]
    for channels in CHANNELS:
        encoder = _on_meta(subject, in_channels=channels)
        expected = channels if own == 3 else own
        if encoder.spec.channels[0] != expected:
            raise ConformanceError(
                f"for {channels} channels: entry 0 is declared with {encoder.spec.channels[0]}, expected {expected}"
            )
        _hold(encoder, channels)


def facts(subject: EncoderSubject) -> None:
    """What its source knows of it beforehand is what is measured."""
    if subject.found is None:
        raise SkipTest("it is given as a class or module, no source knows it")
    source, name = subject.found.source, subject.found.name
    known = source.known_facts(name)
    if known is None:
        raise SkipTest("its source states nothing beforehand")
    measured = measure_facts(source, name)
    for field in ("parameters", "spec", "input_spec", "dilates_to", "class_token"):
        stated, found = getattr(known, field), getattr(measured, field)
        if stated != found:
            raise ConformanceError(f"{field}: stated {stated}, measured {found}")


def driven(subject: EncoderSubject) -> None:
    """Its blocks, driven one by one, give what it gives by itself, before its final norm or after."""
    encoder, image = _drivable(subject)
    with torch.no_grad():
        halted = encoder.halt(image, encoder.spec.blocks)
        tokens = halted.tokens
        for number in halted.remaining:
            tokens = halted.block(number, tokens)
        deepest = encoder(image)[encoder.spec.native[-1]]
        found = [
            each[:, halted.prefix :].transpose(1, 2).unflatten(2, halted.grid) for each in (tokens, halted.norm(tokens))
        ]
    if not any(each.shape == deepest.shape and torch.allclose(each, deepest, atol=TOLERANCE) for each in found):
        raise ConformanceError(
            f"its {encoder.spec.blocks} blocks, driven on an image {tuple(image.shape)}, give other patches than its "
            "deepest map has"
        )


def unattended_tokens(subject: EncoderSubject) -> None:
    """Tokens that a decoder puts in front of its own, and that none of these may attend to, change nothing."""
    encoder, image = _drivable(subject)
    last = encoder.spec.blocks // 2 or 1
    with torch.no_grad():
        halted = encoder.halt(image, last)
        alone = halted.tokens
        for number in halted.remaining:
            alone = halted.block(number, alone)
        tokens = torch.cat([torch.randn_like(halted.tokens[:, :ADMITTED]), halted.tokens], dim=1)
        mask = torch.ones(1, 1, tokens.shape[1], tokens.shape[1], dtype=torch.bool)
        mask[..., ADMITTED:, :ADMITTED] = False
        for number in halted.remaining:
            tokens = halted.block(number, tokens, mask)
    hold_close([tokens[:, ADMITTED:]], [alone], TOLERANCE, f"with {ADMITTED} tokens in front that it may not attend to")


def _drivable(subject: EncoderSubject) -> tuple[TokenEncoder, torch.Tensor]:
    """The encoder in eval mode, and an image for it.

    :raises SkipTest: when no decoder may drive its blocks.
    """
    encoder = subject.create().eval()
    if not encoder.spec.blocks:
        raise SkipTest("no decoder may drive its blocks")
    if not isinstance(encoder, TokenEncoder):
        raise ConformanceError(f"it declares {encoder.spec.blocks} blocks to drive, and is no segzoo.TokenEncoder")
    return encoder, torch.rand(1, 3, *taken_size(encoder, ODD_SIZE))


def _on_meta(subject: EncoderSubject, in_channels: int = 3, depth: int | None = None) -> Encoder:
    with torch.device("meta"):
        encoder = subject.create(in_channels, depth)
    if not isinstance(getattr(encoder, "spec", None), FeatureSpec):
        raise ConformanceError(
            f"it needs an attribute `spec`, a segzoo.FeatureSpec; got {getattr(encoder, 'spec', None)}"
        )
    return encoder


def _hold(encoder: Encoder, in_channels: int = 3) -> None:
    """Hold a spec against a forward, as planning does."""
    declared = encoder.spec
    image = probe_image(declared, getattr(encoder, "input_spec", None) or InputSpec(), in_channels)
    try:
        verify_features("it", declared, image, call_for_shapes(encoder, image))
    except ContractError as error:
        raise ConformanceError(str(error)) from error
