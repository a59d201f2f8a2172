"""The page, served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from segzoo.errors import OptionError
from segzoo.studio.library import import_gradio
from segzoo.studio.settings import Settings

STYLE = Path(__file__).with_name("style.css")
FONTS = ("system-ui", "sans-serif")
MONOSPACED = ("ui-monospace", "monospace")


def launch(settings: Settings | None = None, *, block: bool = True) -> Any:
    """Serve the page.

    :param block: until Ctrl-C is pressed; otherwise it is served by a thread, until the page is closed.
    :returns: the page, a `gradio.Blocks`; its `local_url` says where it is, and its `close()` ends it.
    :raises MissingExtraError: without Gradio.
    :raises OptionError: when the port is taken, or the host isn't this machine's.
    """
    settings = settings or Settings()
    gradio = import_gradio()
    from segzoo.studio.page import build_page

    page = build_page(settings)
    try:
        page.launch(
            server_name=settings.host, server_port=settings.port, inbrowser=settings.browser,
            max_file_size=f"{settings.max_upload}mb", prevent_thread_lock=True, quiet=True,
            theme=_theme(gradio), css_paths=STYLE, share=False, ssr_mode=False, enable_monitoring=False, pwa=False,
            mcp_server=False, run_history=False, footer_links=[],
        )  # fmt: skip
    except OSError as error:
        where = f"{settings.host or 'this machine'}:{settings.port or 'a free port'}"
        raise OptionError(f"the page can't be served on {where}: {error}; give another --host or --port") from error
    if block:
        page.block_thread()
    return page


def _theme(gradio: Any) -> Any:
    """Fonts that each machine has, small print that is dark enough to read, buttons that are dark enough for white."""
    theme = gradio.themes.Base(font=FONTS, font_mono=MONOSPACED)
    return theme.set(
        block_info_text_color="*neutral_600", block_title_text_color="*neutral_700",
        block_label_text_color="*neutral_700",
        button_primary_background_fill="*primary_700", button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800", button_primary_background_fill_hover_dark="*primary_800",
    )  # fmt: skip
