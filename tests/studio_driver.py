"""Drives the studio in a real browser, Debian's Chromium: for the tests, and for the pictures of the docs."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 120_000  # milliseconds: a machine may be busy


class Studio:
    """A visitor.

    :ivar page: of Playwright's.
    :ivar problems: errors in the browser's console.
    :ivar elsewhere: addresses on other machines that the page asked for something.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.problems: list[str] = []
        self.elsewhere: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: self.problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self._note(request.url))
        page.goto(address)
        page.get_by_role("tab").first.wait_for()

    def open(self, tab: str) -> None:
        """Open a tab by the beginning of its title; on a narrow screen the last ones lie behind a menu."""
        self.page.get_by_role("tab", name=tab).click()

    def choose(self, name: str, typed: str) -> None:
        """Type into a list, and take what it narrows down to."""
        field = self.page.locator(f"#{name} input")
        field.click()
        field.fill(typed)
        field.press("Enter")
        field.press("Escape")
        field.blur()

    def plan(self, encoder: str, decoder: str, shows: str) -> None:
        """Choose a pair, and wait until the place of its plan shows a text."""
        self.choose("encoder", encoder)
        self.choose("decoder", decoder)
        self.wait_for_text("plan", shows)

    def segment(self, image: Path, *, other: str | None = None) -> None:
        """Upload an image, and wait for what the model finds in it."""
        if other is not None:
            self.choose("second-model", other)
        self.upload(image)
        self.page.locator("#segment").click()
        self.page.locator("#areas table").first.wait_for()
        self.wait_for("document.querySelectorAll('#slider img').length == 2")

    def upload(self, image: Path) -> None:
        if self.page.locator("#image [aria-label='Clear']").count():
            self.page.locator("#image [aria-label='Clear']").first.click()
        self.page.locator("#image input[type=file]").set_input_files(image)
        self.page.locator("#image .file-preview").wait_for()

    def download(self, folder: Path, number: int = 0) -> Path:
        """Save a mask into a folder."""
        with self.page.expect_download() as expected:
            self.page.locator(f"#mask-{number}").click()
        return Path(shutil.copy(expected.value.path(), folder / expected.value.suggested_filename))

    def message(self) -> str:
        """The error that the page shows, once there is one."""
        toast = self.page.locator(".toast-body").last
        toast.wait_for()
        return str(toast.inner_text())

    def text(self, name: str) -> str:
        return str(self.page.locator(f"#{name}").inner_text())

    def wait_for_text(self, name: str, text: str) -> None:
        """Until an element shows a text."""
        self.page.locator(f"#{name}", has_text=text).wait_for()

    def wait_for(self, condition: str) -> None:
        """Until some JavaScript is true."""
        self.page.wait_for_function(condition)

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def _note(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.elsewhere.append(url)


@contextmanager
def visiting(address: str, width: int = 1100, height: int = 900) -> Iterator[Studio]:
    """A visitor in a browser of their own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield Studio(browser.new_page(viewport={"width": width, "height": height}), address)
        finally:
            browser.close()


@contextmanager
def serving(**settings: Any) -> Iterator[str]:
    """A studio in this process: its address."""
    from segzoo.studio import Settings, launch

    page = launch(Settings(**settings), block=False)
    try:
        yield str(page.local_url)
    finally:
        page.close(verbose=False)
        for thread in threading.enumerate():  # what still computes would be torn off when Python ends
            if thread.name.startswith("AnyIO worker"):
                thread.join(PATIENCE / 1000)
