"""Under which conditions a model is measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from segzoo.errors import OptionError


@dataclass(frozen=True)
class Conditions:
    """Of everything that is measured together.

    :param size: height and width of the images, in pixels.
    :param batch: images in a forward.
    :param classes: of the model.
    :param device: `"cpu"`, `"cuda"` or `"cuda:N"`.
    :param threads: that a process may use; torch's default if None.
    :param rounds: forwards that are timed; if None, as many as fit into a second, and five at least.
    :param half: float16 on a GPU and in ONNX Runtime, bfloat16 on a CPU, in place of float32.
    :raises OptionError: for a number out of range.
    """

    size: tuple[int, int] = (512, 512)
    batch: int = 1
    classes: int = 19
    device: str = "cpu"
    threads: int | None = None
    rounds: int | None = None
    half: bool = False

    def __post_init__(self) -> None:
        counts = {"batch": self.batch, "classes": self.classes, "threads": self.threads, "rounds": self.rounds}
        counts |= {"height": self.size[0], "width": self.size[1]}
        for name, count in counts.items():
            if count is not None and count < 1:
                raise OptionError(f"expected {name} to be 1 or more, got {count}")

    def check_device(self) -> None:
        """See whether the device is there.

        :raises OptionError: when it isn't, or is of another kind.
        """
        import torch

        try:
            device = torch.device(self.device)
        except RuntimeError as error:
            raise OptionError(f"there is no device {self.device!r}; try cpu, or cuda") from error
        if device.type not in ("cpu", "cuda"):
            raise OptionError(f"time can't be measured on {self.device!r}; try cpu, or cuda")
        if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
            raise OptionError(
                f"torch {torch.__version__} sees {torch.cuda.device_count()} GPUs, and {self.device!r} isn't among "
                "them; try cpu"
            )

    def __str__(self) -> str:
        images = f"{self.batch} image{'s'[: self.batch > 1]} of {self.size[0]}x{self.size[1]}"
        threads = "" if self.threads is None else f", {self.threads} thread{'s'[: self.threads > 1]}"
        return f"{images} on {self.device}{threads}{', half precision' if self.half else ''}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)
