"""The site as a reader sees it, in a real browser."""

import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")]
MINUTES = 3 * 60 * 1000  # milliseconds, on a busy machine
PHONE = {"width": 400, "height": 800}


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(site):
    """Where the site is served."""
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def page(browser):
    """A page as wide as a phone, on whose console nothing is complained of."""
    page = browser.new_page(viewport=PHONE)
    page.set_default_timeout(MINUTES)
    problems = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    page.close()
    assert problems == []


@pytest.mark.parametrize("query", ["unetplusplus", "1807.10165"])
def test_the_search_leads_to_a_decoder(address, page, query):
    page.goto(f"{address}/search.html?q={query}")
    assert "gallery/unetplusplus.html" in page.locator("ul.search a").first.get_attribute("href")


def test_the_table_of_encoders_is_filtered(address, page):
    page.goto(f"{address}/docs/encoders.html")
    page.get_by_label("Name or family").fill("resnet18")
    shown = page.locator("#encoders tbody tr:visible th").all_inner_texts()
    assert "resnet18" in shown
    assert all("resnet18" in name for name in shown)
    page.get_by_label("Parameters up to").fill("1")
    assert page.locator("#encoder-count").inner_text().startswith("0 of ")


@pytest.mark.parametrize(
    "path", ["docs/index.html", "docs/gallery/unet.html", "docs/encoders.html", "docs/api/models.html"]
)
def test_a_page_fits_a_phone(address, page, path):
    page.goto(f"{address}/{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
