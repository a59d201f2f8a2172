"""The model: encoder, neck, decoder and head, wired as the plan says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.decoder import Decoder, Task
from segzoo.encoder import Encoder, Pretrained
from segzoo.errors import InputError, OptionError
from segzoo.handshake.agreement import Agreement
from segzoo.handshake.planning import Plan
from segzoo.head import AuxiliaryHead, Classes, Head, Logits, coarser_heads, head_of
from segzoo.labels import Labels
from segzoo.layer_groups import Matcher, prefix_matcher
from segzoo.neck import Neck
from segzoo.parameter_groups import parameter_groups
from segzoo.prediction.predicting import ClassMap, predict
from segzoo.prediction.streaming import Output
from segzoo.preprocessing import Preprocessing
from segzoo.queries import Queries
from segzoo.recomputing import set_recomputing
from segzoo.segmentation.segmenting import Result, segment
from segzoo.token_encoder import TokenEncoder, Tokens


class SegmentationModel(nn.Module):
    """Image in, logits of the image's own size out. Made by `segzoo.create_model`.

    :ivar plan: what the parts agreed on; `print(model.plan)`.
    :ivar config: the arguments that it was created with, as plain data: `create_model(**model.config)` makes another.
    :ivar preprocessing: turns a picture into the tensor that the model takes.
    :ivar labels: what the classes are called, by head (`"logits"` where heads have no names); empty where unknown.
    :ivar from_published: whether the encoder began with its published weights; None where that isn't known, as of a
        model that was loaded.
    """

    def __init__(
        self,
        encoder: Encoder,
        neck: Neck | None,
        decoder: Decoder,
        head: Head,
        auxiliary: Mapping[int, AuxiliaryHead],
        plan: Plan,
        preprocessing: Preprocessing,
        coarser: Sequence[Head] = (),
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.neck = neck
        self.decoder = decoder
        self.head = head
        self.auxiliary = nn.ModuleDict({str(stage): each for stage, each in auxiliary.items()})
        self.coarser = nn.ModuleList(coarser)
        self.plan = plan
        self.config: dict[str, Any] = {}
        self.preprocessing = preprocessing
        self.labels: dict[str, Labels] = {}
        self.from_published: bool | None = None
        self._encoder_frozen = False
        self._to_thaw: set[str] = set()

    @classmethod
    def of(cls, agreement: Agreement, classes: Classes, pretrained: Pretrained = False) -> SegmentationModel:
        """Build what was agreed, on the default device.

        :raises ContractError: when the encoder isn't what was planned.
        :raises CheckpointError: when pretrained weights can't be had or don't fit.
        """
        plan = agreement.plan
        encoder = agreement.build_encoder(pretrained)
        neck = agreement.build_neck()
        decoder = agreement.build_decoder(classes)
        head = head_of(decoder, classes)
        auxiliary = {stage: AuxiliaryHead(classes, plan.spec.channels[stage]) for stage in plan.auxiliary}
        preprocessing = getattr(encoder, "preprocessing", None) or Preprocessing().for_channels(
            plan.request.in_channels
        )
        coarser = coarser_heads(decoder, classes)
        return cls(encoder, neck, decoder, head, auxiliary, plan, preprocessing, coarser)

    def forward(
        self, image: Tensor, auxiliary: bool = False, queries: bool = False
    ) -> Logits | Queries | tuple[Logits | Queries, dict[int, Logits]]:
        """Segment.

        :param image: floating point, (B, in_channels, H, W), any height and width.
        :param auxiliary: whether to return the auxiliary heads' logits as well, for a training loss on both.
        :param queries: whether to return what `queries` does, in place of the logits.
        :returns: logits (B, classes, H, W), in train and eval mode alike; with named heads a dict of them. With
            `auxiliary` a pair: the logits, and those of each auxiliary head by its stage, all of the image's size. Of
            a decoder that is supervised at several scales, those of its coarser ones too, as -1, -2, ..., fine to
            coarse.
        :raises InputError: for another shape or type, or a size that the encoder can't take, or can't train on.
        :raises OptionError: where queries are asked for and the decoder has none.
        """
        self._check(image)
        features = self._encode(self._pad(image))
        coarser: Sequence[Tensor] = ()
        if auxiliary and self.coarser:
            decoded, coarser = self._decode(features, coarser=True)
        else:
            decoded = self._decode(features)
        answer = self._queries(decoded) if queries else _crop(self.head(decoded, _size(features)), image)
        return (answer, self._auxiliary_logits(features, coarser, image)) if auxiliary else answer

    def queries(self, image: Tensor) -> Queries:
        """The masks that a decoder of queries predicts, and their classes, as they are.

        :param image: as `forward` takes it.
        :returns: masks (B, Q, h, w) and classes (B, Q, classes + 1), logits both. The masks cover the image as it is
            padded for the encoder: `plan.input_spec.padded((H, W))`. In training mode those of earlier layers too.
        :raises OptionError: for a decoder that has none.
        """
        answer: Queries = self(image, queries=True)
        return answer

    def decode(self, features: list[Tensor] | Tokens) -> Logits:
        """What `forward` does after the encoder. Maps of an encoder that is frozen need be computed only once.

        :param features: as `encoder` returned them; of a decoder that drives the encoder's last blocks as
            `encoder.halt(image, plan.request.tokens)` did.
        :returns: logits of the size of the finest of them, that of the image as the encoder was given it.
        """
        features = features if isinstance(features, Tokens) else self._through_neck(features)
        return self.head(self._decode(features), _size(features))

    def predict(
        self,
        image: Tensor,
        *,
        output: Output = "classes",
        tile: int = 1024,
        margin: int | None = None,
        blend: int | None = None,
        batch: int = 1,
        half: bool = False,
        flips: bool = False,
        scales: Sequence[float] = (1.0,),
    ) -> ClassMap:
        """The class of each pixel, of an image of any size, in bounded memory; see `segzoo.prediction.predict`.

        :param image: what `preprocessing` returns, (C, H, W) or a batch of it, on any device.
        :param output: `"classes"`, `"logits"` or `"probabilities"`.
        :param tile: this and what follows as in `segzoo.prediction.predict`.
        :returns: int64 class map (H, W) or (B, H, W), on the CPU, or values (K, H, W) or (B, K, H, W) of each class;
            with named heads a dict of them.
        """
        return predict(
            self, image, output=output, tile=tile, margin=margin, blend=blend, grid=self.grid, batch=batch,
            half=half, flips=flips, scales=scales,
        )  # fmt: skip

    @property
    def grid(self) -> int:
        """Pixels: a tile that starts at a multiple of it is seen as the same part of the whole image is."""
        return math.lcm(*self.plan.spec.strides, self.plan.input_spec.multiple)

    def segment(
        self,
        image: Tensor,
        task: Task = "semantic",
        *,
        threshold: float | None = None,
        overlap: float = 0.8,
        top: int = 100,
        things: Sequence[int] | None = None,
    ) -> Result | list[Result]:
        """The class of each pixel, or the single objects, or both in one; the two latter of decoders of queries.

        The network sees the image as a whole, and its masks are reduced in bounded memory. What it says of a large
        image's classes alone `predict` finds in tiles; so does this of a decoder without queries.

        :param image: what `preprocessing` returns, (C, H, W) or a batch of it, on any device.
        :param task: `"semantic"`, `"instance"` or `"panoptic"`.
        :param threshold: objects and segments of a higher score are kept; 0.5 for objects and 0.8 for segments if None.
            Average precision wants all of them: 0.
        :param overlap: panoptic: a mask stays where it wins more than this share of its pixels.
        :param top: instance: the most objects.
        :param things: the classes whose objects are told apart; those of `labels` if None, and all if it has none.
        :returns: on the CPU, for a batch in a list: an int64 class map (H, W), `segzoo.Instances` or `segzoo.Panoptic`.
        :raises InputError: for an image that the model can't take.
        :raises OptionError: for a task that the decoder can't answer, a value out of range, or several heads.
        """
        return segment(self, image, task, threshold=threshold, overlap=overlap, top=top, things=things)

    def freeze_encoder(self) -> None:
        """Keep the encoder as it is: no gradients, and eval mode (its batch norms too) whatever `train()` says."""
        self._encoder_frozen = True
        self._to_thaw |= {name for name, weight in self.encoder.named_parameters() if weight.requires_grad}
        self.encoder.requires_grad_(False)
        self.train(self.training)

    def unfreeze_encoder(self) -> None:
        """Let the encoder learn again, but for weights that had been fixed before it was frozen."""
        self._encoder_frozen = False
        for name, weight in self.encoder.named_parameters():
            if name in self._to_thaw:
                weight.requires_grad_(True)
        self._to_thaw.clear()
        self.train(self.training)

    def set_grad_checkpointing(self, enable: bool = True) -> None:
        """Keep less memory for the backward pass, which computes again what was not kept: less memory, more time.

        The encoder's own switch is set, and the blocks of neck and decoder are recomputed one by one. Logits and
        gradients stay the same.

        :raises OptionError: for an encoder that has no such switch.
        """
        if isinstance(self.encoder, Encoder):
            self.encoder.set_grad_checkpointing(enable)
        elif enable:
            raise OptionError(
                f"{type(self.encoder).__name__} is no segzoo.Encoder and has no gradient checkpointing: leave it off"
            )
        for part in filter(None, (self.neck, self.decoder)):
            set_recomputing(part, enable)

    def no_weight_decay(self) -> set[str]:
        """Parameters that weight decay harms, such as position embeddings, as timm's optimiser factory asks for them.

        :returns: names, or patterns as `fnmatch` has them.
        """
        parts = {"encoder": self.encoder, "neck": self.neck, "decoder": self.decoder}
        return {
            f"{part}.{name}"
            for part, module in parts.items()
            if isinstance(module, Encoder | Neck | Decoder)
            for name in module.no_weight_decay()
        }

    def group_matcher(self, coarse: bool = False) -> Matcher:
        """The layers in the order in which an image meets them, as timm's optimiser factory asks for them.

        The encoder's come first, as it says itself. What follows it is the last one: its learning rate isn't decayed.

        :param coarse: group by stage rather than by block.
        """
        matcher = self.encoder.group_matcher(coarse=coarse) if isinstance(self.encoder, Encoder) else {}
        return prefix_matcher(matcher, "encoder.")

    def parameter_groups(
        self,
        lr: float,
        *,
        encoder_rate: float = 0.1,
        weight_decay: float = 0.01,
        layer_decay: float | None = None,
    ) -> list[dict[str, Any]]:
        """What an optimiser of torch takes: the parameters in groups, each with its rate, its decay and a name.

        Frozen parameters are left out. Norms, biases and what `no_weight_decay` names aren't decayed.

        :param lr: the learning rate of neck, decoder and heads.
        :param encoder_rate: how much of it the encoder gets: little where it is pretrained, 1 where it isn't.
        :param weight_decay: of what is decayed.
        :param layer_decay: how much less each layer of the encoder learns than the one behind it, as `group_matcher`
            orders them (arXiv:2106.08254, appendix); the decoder is behind the last one. None: all alike.
        :raises OptionError: for a value out of range.
        :raises TrainingError: when all parameters are frozen.

        >>> optimizer = torch.optim.AdamW(model.parameter_groups(1e-3, weight_decay=0.05))
        """
        return parameter_groups(self, lr, encoder_rate=encoder_rate, weight_decay=weight_decay, layer_decay=layer_decay)

    def save_pretrained(
        self,
        folder: str | PathLike[str],
        *,
        labels: Labels | Mapping[str, Labels] | None = None,
        metrics: Mapping[str, float] | None = None,
        dataset: str | None = None,
        license: str | None = None,
        curve: str | PathLike[str] | None = None,
    ) -> None:
        """Save as a folder that `segzoo.from_pretrained` loads: weights, config and model card.

        The folder is replaced as a whole, other files in it kept; after a crash the old one stands or the new one.

        :param labels: of the classes, for several heads by name; `model.labels` if None.
        :param metrics: for the card, such as `{"mIoU": 45.6}`.
        :param dataset: for the card: what the model was trained on, by its name on the hub if it has one.
        :param license: for the card: of these weights, as the hub has them (`"apache-2.0"`).
        :param curve: for the card: a picture, PNG, of how it was trained.
        :raises CheckpointError: for a model that nobody could load, such as one with a part that no plugin provides, or
            when the folder can't be written.
        :raises OptionError: for labels that don't fit the heads.
        """
        from segzoo.publishing.card import Claims
        from segzoo.publishing.saving import save

        save(self, folder, labels, Claims(metrics, dataset, license, curve))

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        commit_message: str | None = None,
        labels: Labels | Mapping[str, Labels] | None = None,
        metrics: Mapping[str, float] | None = None,
        dataset: str | None = None,
        license: str | None = None,
    ) -> str:
        """Save to the hub, from where `segzoo.from_pretrained(repo_id)` loads it.

        :param repo_id: `"user/name"`; created if it doesn't exist.
        :param private: whether a new one can be seen by its owner alone; the owner's default if None.
        :param token: of the hub's; that of `hf auth login` if None.
        :param labels: this and what follows as in `save_pretrained`.
        :returns: the address of the model's page.
        :raises CheckpointError: when the model can't be saved, or the hub doesn't take it.
        """
        from tempfile import TemporaryDirectory

        from segzoo.publishing.hub import upload

        with TemporaryDirectory() as temporary:
            folder = Path(temporary, "model")
            self.save_pretrained(folder, labels=labels, metrics=metrics, dataset=dataset, license=license)
            return upload(folder, repo_id, private=private, token=token, commit_message=commit_message)

    def train(self, mode: bool = True) -> SegmentationModel:
        """Set train or eval mode; a frozen encoder stays in eval mode."""
        super().train(mode)
        if self._encoder_frozen:
            self.encoder.eval()
        return self

    def _pad(self, image: Tensor) -> Tensor:
        """Pad at the right and the bottom to the encoder's multiple, before the encoder, so that all maps agree."""
        multiple = self.plan.input_spec.multiple
        if multiple == 1:
            return image
        height, width = image.shape[-2:]
        return F.pad(image, (0, -width % multiple, 0, -height % multiple))

    def _encode(self, padded: Tensor) -> list[Tensor] | Tokens:
        """What the decoder is to select from."""
        if self.plan.request.tokens and isinstance(self.encoder, TokenEncoder):
            return self.encoder.halt(padded, self.plan.request.tokens)
        return self._through_neck(self.encoder(padded))

    def _through_neck(self, features: list[Tensor]) -> list[Tensor]:
        return features if self.neck is None else self.neck(features)

    def _decode(self, features: list[Tensor] | Tokens, **options: Any) -> Any:
        """What the decoder emits."""
        if isinstance(features, Tokens):
            return self.decoder(features, **options)
        selected = [features[stage] for stage in self.plan.stages]
        if self.decoder.memory_format is not None:
            selected = [feature.contiguous(memory_format=self.decoder.memory_format) for feature in selected]
        return self.decoder(selected, **options)

    def _queries(self, decoded: Any) -> Queries:
        if self.decoder.emits != "queries":
            raise OptionError(
                f"{self.plan.decoder.id} classifies each pixel and has no queries; call the model as it is, or take a "
                "decoder that predicts masks"
            )
        return Queries(*decoded)

    def _auxiliary_logits(
        self, features: list[Tensor] | Tokens, coarser: Sequence[Tensor], image: Tensor
    ) -> dict[int, Logits]:
        if isinstance(features, Tokens):
            return {}
        size = _size(features)
        found = {int(stage): head(features[int(stage)], size) for stage, head in self.auxiliary.items()}
        for number, (head, decoded) in enumerate(zip(self.coarser, coarser, strict=True), start=1):
            found[-number] = head(decoded, size)
        return {key: _crop(logits, image) for key, logits in found.items()}

    def _check(self, image: Tensor) -> None:
        channels, sizes = self.plan.request.in_channels, self.plan.input_spec
        if not isinstance(image, Tensor):
            raise InputError(
                f"expected a tensor (B, {channels}, H, W), got {type(image).__name__}; "
                "model.preprocessing(picture)[None] turns a picture into one"
            )
        if image.ndim != 4:
            one = "; image[None] makes a batch of one" if image.ndim == 3 else ""
            raise InputError(f"expected an image (B, {channels}, H, W), got shape {tuple(image.shape)}{one}")
        if image.shape[1] != channels:
            raise InputError(
                f"expected {channels} channels, got {image.shape[1]} in shape {tuple(image.shape)}; "
                f"create_model(..., in_channels={image.shape[1]}) builds a model for these"
            )
        if not image.is_floating_point():
            raise InputError(
                f"expected a floating-point image, got {image.dtype}; "
                "model.preprocessing(picture) scales and normalises 8-bit pictures"
            )
        height, width = image.shape[-2:]
        if self.training and image.shape[0] == 1 and self._ends_in_one_pixel((height, width)):
            raise InputError(
                f"{self.plan.encoder.id} has batch norms, which can't train on one image whose deepest map is a single "
                f"pixel, as that of {height}x{width} pixels is; give two images or more, or a larger one"
            )
        if sizes.minimum > 1 and (height < sizes.minimum or width < sizes.minimum):
            raise InputError(
                f"{self.plan.encoder.id} needs images of {sizes.minimum}x{sizes.minimum} pixels or more, got "
                f"{height}x{width}; enlarge or pad the image"
            )
        if self.plan.strict_size and not sizes.takes((height, width)):
            raise InputError(
                f"{self.plan.encoder.id} takes {sizes.describe(strict=True)}, got {height}x{width}; nearest: "
                + " or ".join(f"{h}x{w}" for h, w in sizes.nearest((height, width)))
                + "; without strict_size=True any size is taken"
            )

    def _ends_in_one_pixel(self, image: tuple[int, int]) -> bool:
        """Whether the encoder, being trained, has batch norms, and its deepest map of such an image is one pixel."""
        sizes, spec = self.plan.input_spec, self.plan.encoder_spec
        if sizes.fixed or spec.size(spec.depth, sizes.padded(image)) != (1, 1):
            return False
        return any(isinstance(module, nn.BatchNorm2d) and module.training for module in self.encoder.modules())


def _size(features: list[Tensor] | Tokens) -> tuple[int, int]:
    """Height and width of the image, as the encoder was given it."""
    if isinstance(features, Tokens):
        return features.size
    height, width = features[0].shape[-2:]
    return height, width


def _crop(logits: Logits, image: Tensor) -> Logits:
    height, width = image.shape[-2:]
    if isinstance(logits, dict):
        return {name: each[..., :height, :width] for name, each in logits.items()}
    return logits[..., :height, :width]
