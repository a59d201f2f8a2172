"""A model with SMP's interface, around one of segzoo's."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import Signature
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, NoReturn

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segzoo.compat.smp import saving
from segzoo.compat.smp.heads import Activation, make_classification_head
from segzoo.compat.smp.translating import construct
from segzoo.compat.smp.weights import THEIRS, load_encoder_weights, with_own_names, without_other_shapes
from segzoo.creation import create_model
from segzoo.errors import ExportError

PARTS = ("encoder", "decoder", "segmentation_head")


class Model(nn.Module):
    """Image in, what SMP's model would give out. Its subclasses are SMP's architectures.

    :cvar architecture: SMP's name of the class.
    :cvar signature: SMP's arguments, with which it is made; `encoder_weights` are downloaded, as SMP does.
    :cvar requires_divisible_input_shape: False: images have any height and width.
    :ivar segmenter: segzoo's model, with all that segzoo's models do; its output is the logits.
    :ivar config: the arguments that it was made with.
    :raises CheckpointError: for an argument that segzoo has no counterpart of, or weights that can't be had.
    :raises OptionError: for one out of range.
    """

    architecture: ClassVar[str]
    signature: ClassVar[Signature]
    requires_divisible_input_shape = False
    _is_torch_scriptable = False  # SMP's words, which its users' code may ask for
    _is_torch_exportable = True
    _is_torch_compilable = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()
        bound = self.signature.bind(*args, **kwargs)
        bound.apply_defaults()
        further = bound.arguments.pop("kwargs")
        self.config: dict[str, Any] = {**bound.arguments, **further}
        construction = construct(self.architecture, self.config)
        self.segmenter = create_model(**construction.arguments)
        self.segmenter.preprocessing = construction.preprocessing or self.segmenter.preprocessing
        load_encoder_weights(self.segmenter, construction)
        self.activation = Activation(self.config["activation"])
        self.classification_head = make_classification_head(self._classified[1], self.config["aux_params"])

    @property
    def encoder(self) -> nn.Module:
        return self.segmenter.encoder

    @property
    def decoder(self) -> nn.Module:
        return self.segmenter.decoder

    @property
    def segmentation_head(self) -> nn.Module:
        return self.segmenter.head

    def __setattr__(self, name: str, value: Any) -> None:
        if name in PARTS:  # torch would put it beside the part, unused
            raise AttributeError(f"set model.segmenter's part instead of model.{name}: it is segzoo's model")
        super().__setattr__(name, value)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Segment, and with `aux_params` classify.

        :param x: floating point (B, in_channels, H, W).
        :returns: (B, classes, H, W), the activation applied; with `aux_params` also (B, their classes), in a pair.
        :raises InputError: for an image that the model can't take.
        """
        if self.classification_head is None:
            return self._activated(self.segmenter(x))
        height, width = x.shape[-2:]
        bottom, right = self.segmenter.plan.input_spec.padded((height, width))
        features = self.segmenter.encoder(F.pad(x, (0, right - width, 0, bottom - height)))
        logits = self.segmenter.decode(features)
        assert isinstance(logits, Tensor)
        stage, channels = self._classified
        return self._activated(logits[..., :height, :width]), self.classification_head(features[stage][:, :channels])

    @torch.inference_mode()
    def predict(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """What `forward` gives, in eval mode, in which the model stays."""
        self.eval()
        answer: Tensor | tuple[Tensor, Tensor] = self(x)
        return answer

    def freeze_encoder(self) -> None:
        """Keep the encoder as it is, its batch norms too; see `segzoo.SegmentationModel.freeze_encoder`."""
        self.segmenter.freeze_encoder()

    def unfreeze_encoder(self) -> None:
        """Let it learn again."""
        self.segmenter.unfreeze_encoder()

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Load weights, by the names that they have here or those that they have in SMP.

        :param strict: False passes over what isn't there and, with a warning, what has another shape.
        :raises CheckpointError: for a name of SMP's that the model has no place for.
        """
        weights = dict(state_dict)
        if any(name.startswith(THEIRS) for name in weights):
            weights = with_own_names(weights, construct(self.architecture, self.config))
        if not strict:
            weights = without_other_shapes(weights, self.state_dict())
        return super().load_state_dict(weights, strict, assign)

    def save_pretrained(
        self,
        save_directory: str | PathLike[str],
        *,
        push_to_hub: bool = False,
        repo_id: str | None = None,
        **claims: Any,
    ) -> None:
        """Save as a folder that `segzoo.from_pretrained` loads as `segmenter`, and this room's with all the rest.

        :param push_to_hub: whether to upload the folder too.
        :param repo_id: under which id; the folder's name if None.
        :param claims: `dataset`, `metrics` and what else `segzoo.SegmentationModel.save_pretrained` takes.
        :raises CheckpointError: for a model that nobody could load.
        """
        saving.save(self, Path(save_directory), claims)
        if push_to_hub:
            saving.upload(Path(save_directory), repo_id or Path(save_directory).name)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        commit_message: str | None = None,
        **claims: Any,
    ) -> str:
        """Save to the hub.

        :param private: this and what follows as `segzoo.SegmentationModel.push_to_hub` takes it.
        :returns: the address of the model's page.
        :raises CheckpointError: when the model can't be saved, or the hub doesn't take it.
        """
        with TemporaryDirectory() as temporary:
            folder = Path(temporary, "model")
            saving.save(self, folder, claims)
            return saving.upload(folder, repo_id, private=private, token=token, commit_message=commit_message)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | PathLike[str], **options: Any) -> Model:
        """Load one of this architecture; see `segzoo.compat.smp.from_pretrained`."""
        return saving.load({cls.architecture: cls}, pretrained_model_name_or_path, **options)

    def __prepare_scriptable__(self) -> NoReturn:
        """Asked for by `torch.jit.script`.

        :raises ExportError: in any case.
        """
        raise ExportError(
            "segzoo's models can't be scripted. torch.export.export(model, (image,)) and torch.jit.trace(model, image) "
            "take them, and `segzoo export` writes ONNX, OpenVINO and torch's own formats"
        )

    @property
    def _classified(self) -> tuple[int, int]:
        """The stage that is classified, the deepest that the decoder takes, and its channels, without a token's."""
        spec, stage = self.segmenter.plan.spec, self.segmenter.plan.stages[-1]
        return stage, spec.channels[stage] - spec.token_channels[stage]

    def _activated(self, logits: Any) -> Tensor:
        answer: Tensor = self.activation(logits)
        return answer
