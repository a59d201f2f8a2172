"""How a pair is trained unless told otherwise: a recipe per kind of encoder, told by what the plan says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from segzoo.handshake.planning import Plan
from segzoo.training.schedule import Kind


@dataclass(frozen=True)
class Recipe:
    """What an optimiser and its schedule need, all for AdamW and batches of about 8 to 16 images.

    :param learning_rate: the highest, of neck, decoder and heads.
    :param encoder_rate: how much of it the encoder gets.
    :param weight_decay: but for norms, biases and what the model names.
    :param layer_decay: of the encoder's rates from layer to layer, or None.
    :param warmup: the part of the run in which the rate rises.
    :param schedule: how it falls.
    :param clip: the largest norm of the gradient, or None.
    :param why: in a sentence.
    """

    learning_rate: float
    encoder_rate: float
    weight_decay: float
    layer_decay: float | None
    warmup: float
    schedule: Kind
    clip: float | None
    why: str

    def __str__(self) -> str:
        encoder = "" if self.encoder_rate == 1 else f", the encoder at {self.encoder_rate:g} of it"
        layers = "" if self.layer_decay is None else f", each layer before at {self.layer_decay:g} of the next"
        clip = "" if self.clip is None else f", gradients up to norm {self.clip:g}"
        return (
            f"AdamW at {self.learning_rate:g}{encoder}{layers}, weight decay {self.weight_decay:g}{clip}, "
            f"{self.schedule} after {self.warmup:.0%} warm-up: {self.why}"
        )


# SegFormer (arXiv:2105.15203, section 4.1) and Swin with UPerNet (arXiv:2103.14030, A2.3) both train their encoders at
# 6e-5 with decay 0.01; SegFormer its decoder at ten times that (its configuration, `head: lr_mult=10`).
PYRAMID = Recipe(
    learning_rate=6e-4,
    encoder_rate=0.1,
    weight_decay=0.01,
    layer_decay=None,
    warmup=0.05,
    schedule="poly",
    clip=1.0,
    why="a pretrained pyramid learns little anew, and its decoder learns all, as SegFormer's and Swin's do",
)
# Layer by layer as BEiT (arXiv:2106.08254), MAE (arXiv:2111.06377, A.4: 1e-4 and 0.05) and EoMT (arXiv:2503.19108:
# 1e-4, 0.8 and 0.05), which decay by 0.65 to 0.95; the decoder, which these train at the encoder's rate for 40 to 160
# thousand steps, at ten times that.
PLAIN = replace(
    PYRAMID,
    learning_rate=1e-3,
    weight_decay=0.05,
    layer_decay=0.8,
    why="a pretrained transformer of one resolution keeps its first layers nearly as they are, as BEiT's and MAE's",
)
# DINOv2 (arXiv:2304.07193): AdamW at 1e-3 with decay 1e-4, in the configuration of its linear heads.
FROZEN = replace(
    PYRAMID,
    learning_rate=1e-3,
    encoder_rate=1.0,
    weight_decay=1e-4,
    why="the encoder is frozen, so that the decoder can learn fast, as DINOv2's heads do",
)
# No source. On the demo's scenes, 200 steps of 8, resnet18 with unet reaches 0.17 mIoU at 5e-4, 0.22 at 1e-3 and 0.25
# at 3e-3; the middle one leaves room for encoders that bear less.
SCRATCH = replace(
    PYRAMID,
    learning_rate=1e-3,
    encoder_rate=1.0,
    warmup=0.1,
    schedule="cosine",
    why="all weights are random, so that encoder and decoder learn alike",
)
# DeiT (arXiv:2012.12877, table 9): a transformer from random weights wants warm-up, decay 0.05 and a lower rate.
PLAIN_SCRATCH = replace(
    SCRATCH,
    learning_rate=3e-4,
    weight_decay=0.05,
    why="all weights are random, and a transformer of one resolution learns from them at a low rate alone",
)


# Mask2Former (arXiv:2112.01527, section 4): AdamW at 1e-4, a tenth of it for the encoder, decay 0.05; its
# configurations clip gradients at 0.01.
MASKS = replace(
    PYRAMID,
    learning_rate=1e-4,
    weight_decay=0.05,
    clip=0.01,
    why="queries learn slowly on a pretrained encoder, as Mask2Former's do",
)
# EoMT (arXiv:2503.19108, section 4): 1e-4, 0.8 from layer to layer, decay 0.05.
DRIVEN = replace(
    MASKS,
    encoder_rate=1.0,
    layer_decay=0.8,
    why="queries learn within a pretrained transformer, whose first layers stay nearly as they are, as EoMT's do",
)
# PMT (arXiv:2603.25398): 2e-4 on a frozen encoder.
MASKS_FROZEN = replace(
    MASKS,
    learning_rate=2e-4,
    encoder_rate=1.0,
    schedule="cosine",
    why="queries learn on an encoder that is frozen, as PMT's do",
)
# No source. On the demo's scenes, batches of 16: resnet18 with a small mask2former reaches 0.11 mIoU in 150 steps at
# 5e-4 and clip 0.01, 0.49 in 600 at 1e-3 and clip 1, 0.75 in 1200 at 1.5e-3; eomt, on six blocks that convolutions
# precede, 0.79 in 1500 at 1e-3, and on patches alone 0.40 in 2000 at 5e-4 and 0.35 in 1500 at 1.5e-3.
MASKS_SCRATCH = replace(
    MASKS,
    learning_rate=1e-3,
    encoder_rate=1.0,
    warmup=0.1,
    schedule="cosine",
    clip=1.0,
    why="all weights are random, so that encoder and queries learn alike",
)


def recipe_for(plan: Plan, *, pretrained: bool, frozen: bool = False, masks: bool = False) -> Recipe:
    """How to train a pair.

    :param plan: `model.plan`, or `segzoo.plan(encoder, decoder)`.
    :param pretrained: whether the encoder has weights that were trained, rather than random ones.
    :param frozen: whether it stays as it is.
    :param masks: whether a decoder of queries learns by its masks.

    >>> print(recipe_for(segzoo.plan("resnet18", "unet"), pretrained=True))
    AdamW at 0.0006, the encoder at 0.1 of it, weight decay 0.01, gradients up to norm 1, poly after 5% warm-up: ...
    """
    if masks:
        if frozen:
            return MASKS_FROZEN
        return (DRIVEN if plan.request.tokens else MASKS) if pretrained else MASKS_SCRATCH
    if frozen:
        return FROZEN
    if plan.encoder_spec.isotropic:
        return PLAIN if pretrained else PLAIN_SCRATCH
    return PYRAMID if pretrained else SCRATCH
