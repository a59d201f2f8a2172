"""Each decoder that segmentation_models_pytorch (SMP) has, beside ours, on the same features: time and memory.

Decoder and head of both, at the options at which they compute the same, with random weights (what they are doesn't
change the time), are given the maps of one encoder and run in turn, so that whatever else the machine does falls on
both. What is reported is the median over rounds of the ratio theirs / ours: 2 is twice as fast, or half the memory.

- *inference*: from features to logits, eval mode.
- *training step*: forward and backward, down to the features and all parameters.
- *saved memory*: what autograd keeps from the forward for the backward pass, as its hooks see it, each storage once;
  parameters, and the features, which the encoder holds anyway, not counted.

Run `python benchmarks/decoders.py --help` for the options; README.md has what was measured.
"""

from __future__ import annotations

import gc
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import click
import segmentation_models_pytorch as smp
import torch
from tabulate import tabulate
from torch import Tensor, nn
from tqdm import tqdm

import segzoo


@dataclass(frozen=True)
class Pair:
    """A decoder of ours and SMP's, with the options at which they compute the same."""

    peer: str
    ours: dict[str, Any] = field(default_factory=dict)
    theirs: dict[str, Any] = field(default_factory=dict)
    encoder: str | None = None


PAIRS = {
    "unet": Pair("Unet"),
    "unetplusplus": Pair("UnetPlusPlus"),
    "manet": Pair("MAnet"),
    "linknet": Pair("Linknet"),
    "fpn": Pair("FPN", {"align_corners": True}),
    "pspnet": Pair("PSPNet", {"align_corners": True}),
    "deeplabv3": Pair("DeepLabV3", {"align_corners": True}),
    "deeplabv3plus": Pair("DeepLabV3Plus", {"align_corners": True}),
    "pan": Pair("PAN", {"align_corners": True}),
    "upernet": Pair("UPerNet", {"align_corners": True}),
    "segformer": Pair("Segformer", {"align_corners": True, "finest_stride": 2, "dropout": 0.0}),
    "dpt": Pair("DPT", {}, {"dynamic_img_size": True}, encoder="vit_tiny_patch16_224"),
}


MEASURES = ("inference", "training step", "saved memory")


@dataclass
class Side:
    """One of the two: from features to logits."""

    run: Callable[[list[Tensor]], Tensor]
    features: list[Tensor]
    modules: nn.ModuleList

    @property
    def parameters(self) -> int:
        return sum(parameter.numel() for parameter in self.modules.parameters())

    def infer(self) -> None:
        self.modules.eval()
        with torch.no_grad():
            self.run(list(self.features))

    def train_step(self, memory: dict[int, int] | None = None) -> None:
        self.modules.train().zero_grad()
        features = [feature.detach().requires_grad_(feature.numel() > 0) for feature in self.features]
        known = {each.untyped_storage().data_ptr() for each in [*self.modules.parameters(), *features]}

        def keep(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if memory is not None and storage.data_ptr() not in known:
                memory[storage.data_ptr()] = storage.nbytes()
            return tensor

        if memory is None:
            logits = self.run(features)
        else:
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                logits = self.run(features)
        logits.backward(torch.ones_like(logits))

    def saved_bytes(self) -> int:
        memory: dict[int, int] = {}
        self.train_step(memory)
        return sum(memory.values())


def sides(name: str, encoder: str, image: Tensor, classes: int) -> tuple[Side, Side]:
    """Ours and theirs."""
    pair = PAIRS[name]
    encoder = pair.encoder or encoder
    universal = encoder not in smp.encoders.get_encoder_names()
    peer = getattr(smp, pair.peer)(
        f"tu-{encoder}" if universal else encoder, encoder_weights=None, classes=classes, **pair.theirs
    )
    with torch.no_grad():
        encoded = peer.encoder.eval()(image)
    maps, *tokens = encoded if isinstance(encoded, tuple) else (encoded,)
    depth = None if tokens else len(maps) - 1
    model = segzoo.create_model(encoder, name, classes=classes, depth=depth, decoder_options=pair.ours)

    def run_theirs(features: list[Tensor]) -> Tensor:
        return peer.segmentation_head(peer.decoder(features, *tokens))

    theirs = Side(run_theirs, maps, nn.ModuleList([peer.decoder, peer.segmentation_head]))
    ours = Side(model.decode, in_our_terms(model, image, maps, *tokens), nn.ModuleList([model.decoder, model.head]))
    return ours, theirs


def in_our_terms(
    model: segzoo.SegmentationModel, image: Tensor, maps: list[Tensor], tokens: list[Tensor] | None = None
) -> list[Tensor]:
    """SMP's maps as our encoder would list them: from the image on, with placeholders, class token if asked for."""
    spec = model.plan.spec
    if tokens is not None:
        appended = [
            torch.cat([each, prefix[:, 0, :, None, None].expand(-1, -1, *each.shape[-2:])], dim=1)
            for each, prefix in zip(maps, tokens, strict=True)
        ]
        maps = [image, *(appended if spec.channels[-1] == appended[-1].shape[1] else maps)]
    native = iter([each for each in maps if each.shape[1]])
    height, width = image.shape[-2:]
    features = [
        image.new_empty(len(image), 0, height // 2**stage, width // 2**stage) if channels == 0 else next(native)
        for stage, channels in enumerate(spec.channels)
    ]
    assert tuple(feature.shape[1] for feature in features) == spec.channels, "the encoders differ"
    return features


def ratios(ours: Callable[[], None], theirs: Callable[[], None], rounds: int, progress: tqdm[Any]) -> list[float]:
    """Theirs / ours of each round, the order alternating; one round more goes ahead unmeasured."""
    measured = []
    for turn in range(rounds + 1):
        took = {}
        for side in (ours, theirs) if turn % 2 else (theirs, ours):
            start = time.perf_counter()
            side()
            took[side] = time.perf_counter() - start
        if turn:
            measured.append(took[theirs] / took[ours])
        progress.update()
    return measured


@click.command(help=__doc__, context_settings={"show_default": True, "max_content_width": 120})
@click.argument("decoders", nargs=-1)
@click.option("--encoder", default="resnet34", help="Whose maps are decoded; DPT has a plain ViT's.")
@click.option("--size", default=(512, 512), nargs=2, type=click.IntRange(32), help="Height and width of the image.")
@click.option("--batch", default=2, type=click.IntRange(1), help="SMP's pooling needs two images to train.")
@click.option("--classes", default=19, type=click.IntRange(1))
@click.option("--rounds", default=7, type=click.IntRange(1), help="How often each is measured.")
@click.option("--threads", default=1, type=click.IntRange(1), help="Of torch.")
def main(
    decoders: tuple[str, ...],
    encoder: str,
    size: tuple[int, int],
    batch: int,
    classes: int,
    rounds: int,
    threads: int,
) -> None:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    registered = [name for name in PAIRS if name in segzoo.list_decoders()]
    unknown = set(decoders) - set(registered)
    if unknown:
        raise click.BadParameter(f"{sorted(unknown)}: not among {registered}")
    image = torch.rand(batch, 3, *size)
    rows, chosen = [], decoders or registered
    with tqdm(total=len(chosen) * 2 * (rounds + 1), unit="round") as progress:
        for name in chosen:
            progress.set_description(name)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # SMP's, of initialisation
                ours, theirs = sides(name, encoder, image, classes)
            inference = ratios(ours.infer, theirs.infer, rounds, progress)
            training = ratios(ours.train_step, theirs.train_step, rounds, progress)
            saved, peer_saved = ours.saved_bytes(), theirs.saved_bytes()
            rows.append(
                {
                    "decoder": name,
                    "parameters": ours.parameters,
                    "of SMP's": ours.parameters - theirs.parameters,
                    "inference": statistics.median(inference),
                    "training step": statistics.median(training),
                    "saved memory": peer_saved / saved,
                    "MiB": saved / 2**20,
                    "MiB of SMP's": peer_saved / 2**20,
                }
            )
            progress.write(f"{name}: " + ", ".join(f"{measure} {rows[-1][measure]:.2f}" for measure in MEASURES))
            del ours, theirs
            gc.collect()
    means = {measure: statistics.geometric_mean([row[measure] for row in rows]) for measure in MEASURES}
    print(f"theirs / ours; {encoder}, {batch}x3x{size[0]}x{size[1]}, {classes} classes, {threads} thread(s)")
    print(tabulate([*rows, {"decoder": "geometric mean", **means}], headers="keys", tablefmt="github", floatfmt=".2f"))


if __name__ == "__main__":
    main()
