"""When the directory's address is asked, what is made of its answer, and what serves where there is none."""

import socket
import subprocess
import sys
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from time import perf_counter, time
from typing import Any

import pytest
from freshly import discover_anew
from listed import KIT, OCR, ship, write_document
from serving import Server

import segzoo
from segzoo.directory import asking, cache, fetching, known, latest


@pytest.fixture(autouse=True)
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ship(monkeypatch, tmp_path, KIT)


def names(listed: segzoo.directory.Directory) -> list[str]:
    return [listing.distribution for listing in listed.listings]


def test_what_the_address_answers_is_the_directory(server: Server) -> None:
    server.body = write_document(OCR).encode()
    assert names(latest()) == ["segzoo-ocr"]
    assert server.address in latest().origin


def test_it_is_asked_once_a_day(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.body = write_document(OCR).encode()
    latest()
    latest()
    assert server.asked == 1
    tomorrow = time() + asking.DAY + 1
    monkeypatch.setattr(asking, "time", lambda: tomorrow)
    latest()
    assert server.asked == 2


def test_a_failure_is_not_tried_again_that_day_unless_told_to(server: Server) -> None:
    server.body = b"no JSON"
    assert names(latest()) == ["kit"]
    server.body = write_document(OCR).encode()
    assert names(latest()) == ["kit"]
    assert server.asked == 1
    assert names(latest(refresh=True)) == ["segzoo-ocr"]


def test_a_clock_that_was_set_back_does_not_stop_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    latest()
    yesterday = time() - asking.DAY
    monkeypatch.setattr(asking, "time", lambda: yesterday)
    latest()
    assert server.asked == 2


def test_hints_ask_nobody_and_know_what_was_fetched(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.body = write_document(OCR).encode()
    assert names(known()) == ["kit"]
    assert server.asked == 0
    latest()
    assert names(known()) == ["segzoo-ocr"]
    discover_anew(monkeypatch)
    with pytest.raises(segzoo.UnknownNameError, match="segzoo install segzoo-ocr"):
        segzoo.plan("resnet18", "ocr")
    assert server.asked == 1


def html(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/html")
    handler.end_headers()
    handler.wfile.write(b"<!doctype html><title>Sign in to this network</title>")


def missing(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


def huge(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(fetching.MOST_BYTES // 2**20 + 1):
        handler.wfile.write(b" " * 2**20)


def leading_away(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(302)
    handler.send_header("Location", f"http://localhost.localdomain:{handler.server.server_port}/")  # type: ignore[attr-defined]
    handler.end_headers()


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"format": 1,')


def of_a_later_format(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(write_document(OCR, form=2).encode())


def no_http(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"220 mail.example.org ESMTP\r\n")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (html, "expected JSON, got '<!doctype html>"),
        (missing, "HTTP Error 404: Not Found"),
        (huge, "it sends more than 8 MiB"),
        (cut_short, "expected JSON, got '{\"format\": 1,'"),
        (of_a_later_format, "expected format 1, got 2"),
        (no_http, "220 mail.example.org"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # the server's, cut off by us
def test_an_answer_that_is_no_directory_leaves_the_copy_that_ships(server: Server, answer: Any, reason: str) -> None:
    server.answer = answer
    listed = latest()
    assert names(listed) == ["kit"]
    assert listed.problem
    assert listed.problem.startswith(f"{server.address}: ")
    assert reason in listed.problem


def test_what_was_fetched_before_stays_when_the_address_fails(server: Server) -> None:
    server.body = write_document(OCR).encode()
    latest()
    server.answer = missing
    listed = latest(refresh=True)
    assert names(listed) == names(known()) == ["segzoo-ocr"]
    assert listed.origin.startswith("an earlier copy of")


def test_entries_that_are_not_valid_are_left_out_of_what_was_fetched(server: Server) -> None:
    server.body = write_document({"distribution": "segzoo-half"}, OCR).encode()
    assert names(latest()) == ["segzoo-ocr"]
    assert latest().left_out[0].startswith("entry 1: summary: Field required")


def test_an_address_that_leads_away_from_https_is_not_followed_to_its_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = lambda handler: leading_away(handler) if "directory" in handler.path else server.send(handler)
    server.body = write_document(OCR).encode()
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more))
    assert "which is not https" in str(latest().problem)


def hanging(server: Server, handler: BaseHTTPRequestHandler) -> None:
    server.over.wait(10)


def trickling(server: Server, handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    while not server.over.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()


@pytest.mark.parametrize("behaviour", [hanging, trickling])
def test_a_server_that_does_not_come_to_an_end_is_left(
    server: Server, monkeypatch: pytest.MonkeyPatch, behaviour: Any
) -> None:
    monkeypatch.setattr(fetching, "PATIENCE", 0.3)
    server.answer = lambda handler: behaviour(server, handler)
    start = perf_counter()
    listed = latest()
    assert perf_counter() - start < 2
    assert names(listed) == ["kit"]
    assert "no answer within 0.3 seconds" in str(listed.problem) or "timed out" in str(listed.problem)


@pytest.mark.usefixtures("server")
def test_without_a_network_the_copy_that_ships_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv(asking.VARIABLE, f"http://127.0.0.1:{unused.getsockname()[1]}/")
        listed = latest()
    assert names(listed) == ["kit"]
    assert "refused" in str(listed.problem)


@pytest.mark.parametrize("address", [None, "off"])
def test_without_an_address_the_copy_that_ships_serves(
    server: Server, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    monkeypatch.setattr(asking, "ADDRESS", server.address if address else None)
    monkeypatch.setenv(asking.VARIABLE, address or "")
    assert names(latest()) == names(known()) == ["kit"]
    assert latest().problem is None
    assert server.asked == 0


@pytest.mark.parametrize("address", ["http://example.org/d.json", "file:///etc/passwd", "directory.json", "https://"])
def test_an_address_that_is_not_safe_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(asking.VARIABLE, address)
    with pytest.raises(segzoo.OptionError, match="SEGZOO_DIRECTORY is an https address, or 'off'"):
        latest()
    assert names(known()) == ["kit"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"address": 3}'])
def test_a_cache_that_is_spoilt_is_written_anew(server: Server, content: str) -> None:
    server.body = write_document(OCR).encode()
    cache.file().parent.mkdir(parents=True)
    cache.file().write_text(content)
    assert names(known()) == ["kit"]
    assert names(latest()) == names(known()) == ["segzoo-ocr"]


def test_a_kept_document_that_is_spoilt_leaves_the_copy_that_ships(server: Server) -> None:
    cache.remember(cache.Fetched(address=server.address, asked=time(), document="no JSON"))
    assert names(known()) == names(latest()) == ["kit"]
    assert str(cache.file()) in str(latest().problem)


def test_what_was_kept_of_another_address_or_by_another_segzoo_does_not_serve(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.body = write_document(OCR).encode()
    latest()
    with monkeypatch.context() as another:
        another.setattr(cache, "__version__", "0.2.0")
        assert names(known()) == ["kit"]
    monkeypatch.setenv(asking.VARIABLE, f"{server.address}?another")
    assert names(known()) == ["kit"]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are others there")
def test_a_cache_that_can_not_be_written_costs_asking_again(server: Server, tmp_path: Path) -> None:
    server.body = write_document(OCR).encode()
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert names(latest()) == names(latest()) == ["segzoo-ocr"]
    assert server.asked == 2


def test_importing_segzoo_and_listing_plugins_ask_nobody(server: Server) -> None:
    subprocess.run([sys.executable, "-c", "import segzoo; segzoo.plugins(); segzoo.list_decoders()"], check=True)
    assert server.asked == 0
