"""Takes the pictures of studio.md, in a real browser: `python docs/studio_pictures.py [FOLDER]`.

Two pairs are trained on the demo's scenes for a few minutes first, unless FOLDER still holds them. The driver is that
of the tests.
"""

import os
import sys
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from PIL import Image

from segzoo.data.dataset import VAL
from segzoo.demo.dataset import NAME, ScenesDataset
from segzoo.demo.scenes import scene
from segzoo.training import Settings, train

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from studio_driver import serving, visiting

IMAGES = Path(__file__).resolve().with_name("images")
PAIRS = {("test_resnet", "unet"): 400, ("test_resnet", "segformer"): 120}
"""And the steps of each: the second is to be seen to know less."""
SIDE = 64
ROWS, COLUMNS = 3, 4
"""Scenes in the photograph."""


def trained(folder: Path) -> list[str]:
    """The runs of both pairs in a folder, trained where they aren't there: their names."""
    runs = [folder / "runs" / f"{encoder}-{decoder}" for encoder, decoder in PAIRS]
    for run, ((encoder, decoder), steps) in zip(runs, PAIRS.items(), strict=True):
        if not (run / "model").is_dir():
            settings = Settings(
                data=NAME, encoder=encoder, decoder=decoder, pretrained=False, steps=steps, batch_size=16, workers=0,
                validate_every=steps // 4, learning_rate=3e-3, encoder_rate=1.0, loss="ce+dice", augment=False,
                accelerator="cpu",
            )  # fmt: skip
            train(settings, run, dataset=ScenesDataset(steps * 16, 32, size=SIDE))
    return [str(run.relative_to(folder)) for run in runs]


def photograph(file: Path) -> Path:
    """Scenes beside each other."""
    scenes = [scene(VAL, number, size=SIDE).picture for number in range(ROWS * COLUMNS)]
    rows = [np.concatenate(scenes[row * COLUMNS : (row + 1) * COLUMNS], axis=1) for row in range(ROWS)]
    Image.fromarray(np.concatenate(rows)).save(file)
    return file


def take(folder: Path) -> None:
    """Serve the studio, visit it, and write the pictures."""
    runs = trained(folder)
    os.chdir(folder)  # so that names are short
    models = [f"{run}/model" for run in runs]
    with serving(models=tuple(models), runs=tuple(runs)) as address, visiting(address, 900, 1300) as studio:
        studio.plan("vit_tiny_patch16_224", "fpn", shows="simple_pyramid")
        studio.wait_for_text("cost", "simple_pyramid")
        save(studio, "choose")
        studio.open("Try")
        studio.segment(photograph(folder / "digits.png"), other=models[1])
        save(studio, "try")
        studio.page.get_by_role("button", name="What each stage sees").click()
        studio.page.locator("#draw-stages").click()
        studio.page.locator("#stages img").nth(4).wait_for()
        studio.page.mouse.move(0, 0)
        studio.page.wait_for_timeout(1000)
        studio.page.locator("#stages").screenshot(path=IMAGES / "studio-stages.png")


def save(studio, name: str) -> None:
    """The page as it is, from its top."""
    studio.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    studio.page.wait_for_timeout(1000)
    studio.page.screenshot(path=IMAGES / f"studio-{name}.png")


if __name__ == "__main__":
    take(Path(sys.argv[1] if len(sys.argv) > 1 else mkdtemp()).resolve())
