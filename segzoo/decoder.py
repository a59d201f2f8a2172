"""The decoder's side of the contract: it selects stages, and turns their maps into one dense map."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from segzoo.contract import FeatureSpec, Selection
from segzoo.errors import NegotiationError

Task = Literal["semantic", "instance", "panoptic"]


class Decoder(nn.Module):
    """Base of decoders, and the tutorial for writing one.

    The class attributes say which stages the decoder takes; that is all the negotiation most decoders need. Then
    `__init__` gets the stages that it was granted, fine to coarse, and `forward` their maps::

        class Sum(segzoo.Decoder):
            finest_stride = 4
            pyramid = True

            def __init__(self, stages, width: segzoo.options.Width = 64):
                super().__init__(stages, out_channels=width)
                self.laterals = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in stages.channels)

            def forward(self, features):
                finest = features[0].shape[-2:]
                return sum(segzoo.nn.resize(lateral(f), finest) for lateral, f in zip(self.laterals, features))

    The core adds the head: dropout, a convolution to the classes, a bilinear resize to the image. A decoder that
    classifies by itself says `emits = "logits"` and takes a keyword argument `classes`; one that predicts masks and
    their classes says `emits = "queries"`, takes `classes` too, and returns `segzoo.Queries`: mask logits (B, Q, h, w)
    and class logits (B, Q, classes + 1), the last of them "no object", and in training mode those of earlier layers.

    One that is supervised at several scales, as U-Nets for medical images often are (deep supervision,
    arXiv:1409.5185), sets `coarser_channels`, and returns its coarser maps as well when it is asked to::

            def forward(self, features, coarser=False):
                ...
                return (finest, [half, quarter]) if coarser else finest

    The core adds a head for each, for the training loss alone; see `segzoo.SegmentationModel.forward`. Where the
    decoder classifies by itself, they are logits that it had before, the last of them first.

    The other parameters of `__init__` are its options. Their annotations are their declaration: the core holds the
    user's values against them before anything is built, and `segzoo decoders NAME` shows them, with what the class's
    docstring says of each. `segzoo.options` has those that many decoders share.
    """

    finest_stride: ClassVar[int] = 1
    """Stages of a finer stride are not taken."""
    coarsest_stride: ClassVar[int | None] = None
    """Stages of a coarser stride are not taken; None takes all."""
    least_stages: ClassVar[int] = 1
    """How many stages, placeholders not counted, it can't do without."""
    placeholders: ClassVar[bool] = False
    """Whether a stage without channels is welcome: it still tells the size of that resolution."""
    output_stride: ClassVar[int | None] = None
    """Wish: no stride larger than this one, the deepest stages dilated."""
    pyramid: ClassVar[bool] = False
    """Wish: each stage coarser than the one before."""
    prefix: ClassVar[Literal["concat"] | None] = None
    """Wish: the class token appended to the channels of each map."""
    role: ClassVar[str] = "used"
    """What it does with a stage, in a word, for the plan."""

    memory_format: ClassVar[torch.memory_format | None] = None
    """The layout that the maps are brought to before `forward`, such as `torch.channels_last`; None leaves them. An
    optimized copy's convolutions compute in it too, by default with the channels last."""

    emits: ClassVar[Literal["features", "logits", "queries"]] = "features"
    head_kernel: int = 1
    """Kernel of the head's convolution."""
    head_dropout: float = 0.0
    """Dropout of whole channels before the head's convolution."""
    head_align_corners: bool = False
    """How the head's logits are resized to the image: whether the centres of the corner pixels agree."""

    tasks: ClassVar[tuple[Task, ...]] = ("semantic", "instance", "panoptic")
    """Of a decoder of queries: what it can answer; see `segzoo.SegmentationModel.segment`."""
    mask_loss: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Of a decoder of queries: the arguments of `segzoo.losses.MaskLoss` that its paper trains it with."""

    stages: FeatureSpec
    out_channels: int
    coarser_channels: tuple[int, ...] = ()
    """Of a decoder that is supervised at several scales: channels of the coarser maps that `forward(features,
    coarser=True)` returns beside its output, fine to coarse; of logits the number of classes each."""

    def __init__(self, stages: FeatureSpec, out_channels: int) -> None:
        super().__init__()
        self.stages = stages
        self.out_channels = out_channels

    @classmethod
    def negotiate(cls, offer: FeatureSpec, **options: Any) -> Selection:
        """Select stages of what an encoder offers, and say what would help.

        Called again with the new offer after a wish was granted. A wish that can't be granted becomes a note.

        :param offer: the encoder's full feature list.
        :param options: every option, those that weren't given at their defaults. One that this method alone needs is a
            parameter of it, declared as those of `__init__` are, which then doesn't get it.
        :raises NegotiationError: when the decoder can't do with this offer.
        """
        fitting = [
            entry
            for entry, stride in enumerate(offer.strides)
            if stride >= cls.finest_stride and stride <= (cls.coarsest_stride or stride)
        ]
        taken = [entry for entry in fitting if cls.placeholders or not offer.is_placeholder(entry)]
        maps = [entry for entry in taken if entry > 0 and not offer.is_placeholder(entry)]
        if len(maps) < cls.least_stages:
            upper = f" to {cls.coarsest_stride}" if cls.coarsest_stride else " on"
            raise NegotiationError(
                f"{cls.__name__} needs {cls.least_stages} stage(s) from stride {cls.finest_stride}{upper}, and the "
                f"encoder offers {len(maps)}: its strides are {offer.select(offer.native).strides}"
            )
        return Selection(
            stages=tuple(taken),
            placeholders=cls.placeholders,
            output_stride=cls.output_stride,
            pyramid=cls.pyramid,
            prefix=cls.prefix,
            roles=tuple(cls.role for _ in taken),
        )

    def forward(self, features: list[Tensor]) -> Any:
        """Decode.

        :param features: the selected maps, fine to coarse, (B, channels, h, w) each; `segzoo.Tokens` where it wished
            for tokens.
        :returns: (B, out_channels, h, w), unless `emits` says otherwise.
        """
        raise NotImplementedError

    def anneal(self, progress: float) -> None:
        """Follow the training, where the decoder changes with it; called before each step.

        :param progress: the share of the steps that are done, 0 to 1.
        """

    def no_weight_decay(self) -> set[str]:
        """Parameters that weight decay harms, such as learned tokens; biases and norms need no mention.

        :returns: names, or patterns as `fnmatch` has them.
        """
        return set()
