"""The page: its tabs, and what they share."""

from __future__ import annotations

import gradio as gr

from segzoo.studio.choose_tab import choose_tab
from segzoo.studio.models import Models
from segzoo.studio.settings import Settings, Tab
from segzoo.studio.try_tab import try_tab
from segzoo.studio.visits import Visits
from segzoo.studio.watch_tab import watch_tab

TITLES: dict[Tab, str] = {"choose": "Choose a pair", "try": "Try a model", "watch": "Watch a run"}
HOUR = 3600
"""Seconds after which what was uploaded is deleted."""


def build_page(settings: Settings) -> gr.Blocks:
    """The page, as a Gradio app that isn't served yet.

    It sends nothing anywhere: no analytics, no fonts of others.

    :raises SegzooError: when an encoder source can't be asked for its names.
    """
    visits, models = Visits(), Models(settings)
    with gr.Blocks(title="segzoo studio", analytics_enabled=False, delete_cache=(HOUR, HOUR)) as page:
        gr.Markdown("# segzoo studio")
        with gr.Tabs():
            for tab in settings.tabs:
                with gr.Tab(TITLES[tab], id=tab):
                    if tab == "choose":
                        choose_tab(settings, page)
                    elif tab == "try":
                        try_tab(settings, visits, models)
                    else:
                        watch_tab(settings, visits)

        def leave(request: gr.Request) -> None:
            visits.end(str(request.session_hash))

        page.unload(leave)
    page.queue(max_size=settings.max_waiting)
    return page
