"""What is trained for: model and batch to losses, and to scores over a set."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from segzoo.data.target import classes_of_batch
from segzoo.errors import OptionError, TrainingError
from segzoo.head import Logits
from segzoo.labels import IGNORE
from segzoo.losses import Loss, MaskLoss, segments_of
from segzoo.metrics import Scores, SegmentationMetrics
from segzoo.model import SegmentationModel

Target = Tensor | Mapping[str, Tensor]
Batch = tuple[Tensor, Target]
"""Images (B, C, H, W) and their masks, int64 (B, H, W); of several heads by name. Where objects are told apart masks
are (B, 2, H, W): classes, and numbers of objects."""


class Objective(nn.Module):
    """A model with its loss and its metrics, in plain torch: for any loop.

    Called with a batch it returns the loss, so that `DistributedDataParallel(objective)` works as well as a wrapped
    model given to `training_loss`. Its `state_dict` is that of the model, behind `model.`.

    :param model: that is trained.
    :param loss: of logits, or of the masks of a decoder of queries. If None its own, `decoder.mask_loss`, for such a
        decoder, and for others cross-entropy and Dice.
    :param metrics: of the one head, or by head; made for the model's heads if None.
    :raises OptionError: for a loss of masks where there are none, or several heads, or auxiliary ones.
    :raises MissingExtraError: where metrics are made and torchmetrics isn't installed.
    """

    def __init__(
        self,
        model: SegmentationModel,
        loss: Loss | MaskLoss | None = None,
        metrics: SegmentationMetrics | Mapping[str, SegmentationMetrics] | None = None,
    ) -> None:
        super().__init__()
        heads = model.head.classes.heads
        self.model = model
        self.loss = loss or default_loss(model)
        if isinstance(self.loss, MaskLoss):
            _check_masks(model)
        if metrics is None:
            ignored = self.loss.ignore_index if isinstance(self.loss, Loss) else IGNORE
            metrics = {head: SegmentationMetrics(classes, ignored) for head, classes in heads.items()}
        elif isinstance(metrics, SegmentationMetrics):
            (head,) = heads
            metrics = {head: metrics}
        self.metrics = nn.ModuleDict(metrics)

    def forward(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar."""
        return self.training_loss(batch)["loss"]

    def training_loss(self, batch: Batch, model: nn.Module | None = None, *, check: bool = True) -> dict[str, Tensor]:
        """What to learn from a batch.

        :param model: what to call in place of the model: the model as DDP, FSDP or `torch.compile` wrapped it.
        :param check: see at once that the loss is a number, for which a GPU has to finish; else call `check` later.
        :returns: `"loss"`, to call `backward` on, and the parts that it is the sum of.
        :raises TrainingError: when the loss is no finite number.
        """
        parts = self._parts(batch, self.model if model is None else model)
        loss = torch.stack(list(parts.values())).sum()
        found = {**parts, "loss": loss}
        if check:
            self.check(found)
        return found

    def _parts(self, batch: Batch, model: nn.Module) -> dict[str, Tensor]:
        image, target = batch
        if isinstance(self.loss, Loss):
            logits, auxiliary = model(image, auxiliary=True)
            return self.loss.parts(logits, target, auxiliary)
        assert isinstance(target, Tensor)  # of one head
        covered = self.model.plan.input_spec.padded((image.shape[-2], image.shape[-1]))
        segments = [segments_of(each) if each.ndim == 2 else segments_of(*each) for each in target]
        return self.loss.parts(model(image, queries=True), segments, covered)

    def check(self, parts: Mapping[str, Tensor]) -> None:
        """See that a loss is a number.

        :param parts: as `training_loss` returns them.
        :raises TrainingError: when it isn't finite.
        """
        if not parts["loss"].isfinite():
            values = ", ".join(f"{name} {value.item():g}" for name, value in parts.items() if name != "loss")
            raise TrainingError(
                f"the loss is {parts['loss'].item()} ({values}): lower the learning rate, clip gradients, or look at "
                "the batch"
            )

    @torch.no_grad()
    def update(self, batch: Batch, model: nn.Module | None = None) -> Logits:
        """Count a batch for `scores`; the model should be in eval mode.

        :param model: as in `training_loss`, or the weights' moving average.
        :returns: the logits.
        """
        image, target = batch
        logits: Logits = (self.model if model is None else model)(image)
        for head, metrics in self._metrics().items():
            of_head = logits if isinstance(logits, Tensor) else logits[head]
            metrics.update(of_head, classes_of_batch(target if isinstance(target, Tensor) else target[head]))
        return logits

    def scores(self) -> Scores | dict[str, Scores]:
        """Of all that was counted since `reset`, by all processes; for named heads by name."""
        scores = {head: metrics.compute() for head, metrics in self._metrics().items()}
        return scores if self.model.head.classes.named else next(iter(scores.values()))

    def reset(self) -> None:
        """Begin counting anew."""
        for metrics in self._metrics().values():
            metrics.reset()

    def _metrics(self) -> dict[str, SegmentationMetrics]:
        return dict(self.metrics.items())  # type: ignore[arg-type]


def default_loss(model: SegmentationModel) -> Loss | MaskLoss:
    """Of masks, as the decoder's paper has it, where the decoder predicts masks; else cross-entropy and Dice."""
    return MaskLoss(**model.decoder.mask_loss) if model.decoder.emits == "queries" else Loss()


def _check_masks(model: SegmentationModel) -> None:
    decoder, heads = model.plan.decoder.id, list(model.head.classes.heads)
    if model.decoder.emits != "queries":
        raise OptionError(f"{decoder} predicts no masks that a MaskLoss could be of; take a segzoo.losses.Loss")
    if len(heads) > 1:
        raise OptionError(f"a MaskLoss is of one head, and the model has {', '.join(heads)}; give the model one")
    if model.plan.auxiliary:
        raise OptionError(
            "auxiliary heads classify pixels, of which a MaskLoss knows nothing; leave `auxiliary` out, or take a "
            "segzoo.losses.Loss"
        )
