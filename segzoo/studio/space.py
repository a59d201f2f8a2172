"""A hosted demo of one model: the files of a Space of the Hugging Face hub."""

from __future__ import annotations

import shutil
from os import PathLike
from pathlib import Path
from string import Template
from typing import Any

from segzoo import __version__
from segzoo.errors import OptionError
from segzoo.host.discovery import SHIPPED
from segzoo.publishing import hub
from segzoo.publishing.config import Config, read_config
from segzoo.publishing.folder import replacing, standing
from segzoo.publishing.needs import needs
from segzoo.publishing.saving import FILES
from segzoo.studio.library import gradio_version

MODEL = "model"
APP = Template('''"""The demo of a segzoo model."""

from segzoo.studio import Settings, launch

launch(Settings(models=($model,), tabs=("try",), closed=True))
''')
PAGE = Template("""# $title

A demo of a segmentation model of [segzoo](https://pypi.org/project/segzoo-torch): $heads.

To run it on this machine:

```sh
pip install -r requirements.txt && python app.py
```

To host it as a Space of the Hugging Face hub:

```sh
hf upload USER/NAME . --repo-type space
```
""")


def export_space(folder: str | PathLike[str], model: str | PathLike[str]) -> Path:
    """Write what a hosted demo of a model needs: `app.py`, `requirements.txt`, `README.md`, and the model's files.

    :param folder: a new one; all of it is written or nothing.
    :param model: a folder that segzoo saved, which is copied; or its id on the hub, from where the demo loads it.
    :returns: the folder.
    :raises OptionError: when the folder exists already.
    :raises CheckpointError: when there is no such model, it can't be read, or the folder can't be written.
    :raises MissingExtraError: without Gradio, whose version the demo is pinned to.
    """
    target, source = Path(folder), standing(model)
    if target.exists() or target.is_symlink():
        raise OptionError(f"{target} exists already; give the name of a new folder")
    gradio = gradio_version()
    local = source.is_dir()
    config = read_config(source if local else hub.download(str(model)))
    named = MODEL if local else str(model)
    with replacing(target) as new:
        if local:
            (new / MODEL).mkdir()
            for name in FILES:
                if (source / name).is_file():
                    shutil.copy2(source / name, new / MODEL / name)
        for name, text in (
            ("app.py", APP.substitute(model=repr(named))),
            ("requirements.txt", _requirements(config)),
            ("README.md", _page(config, gradio, None if local else named)),
        ):
            (new / name).write_text(text, encoding="utf-8")
    return target


def _requirements(config: Config) -> str:
    """What to install: this segzoo, torch without CUDA, and the plugins of others that the model needs."""
    plugins = {f"{need.distribution}=={need.version}" for need in needs(config.plan) if need.distribution != SHIPPED}
    lines = [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        f"{SHIPPED}[studio]=={__version__}",
        *sorted(plugins),
    ]
    return "\n".join(lines) + "\n"


def _page(config: Config, gradio: str, hub_id: str | None) -> str:
    import yaml

    decoder, encoder = (
        part.id.rpartition("/")[2].rpartition(":")[2] for part in (config.plan.decoder, config.plan.encoder)
    )
    title = f"{decoder} on {encoder}"
    header: dict[str, Any] = {
        "title": title,
        "sdk": "gradio",
        "sdk_version": gradio,
        "app_file": "app.py",
        "tags": ["segzoo", "image-segmentation"],
        **({"models": [hub_id]} if hub_id else {}),
    }
    heads = ", ".join(f"{head.classes} classes ({name})" for name, head in config.heads.items())
    return f"---\n{yaml.safe_dump(header, sort_keys=False)}---\n\n{PAGE.substitute(title=title, heads=heads)}"
