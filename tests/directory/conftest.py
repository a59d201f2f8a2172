import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Server

from segzoo.directory import asking


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """The server that the directory is asked of, with a cache that is empty."""
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv(asking.VARIABLE, server.address)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    yield server
    server.over.set()
    server.http.shutdown()
    thread.join()
    server.http.server_close()
