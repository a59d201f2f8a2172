"""A stand-in of the hub's HTTP interface: as much of it as pushing and loading a model needs, on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

Files = dict[str, bytes]


class Hub(ThreadingHTTPServer):
    """Models by id, each a list of commits; `main` is the last of them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models: dict[str, list[Files]] = {}
        self.private: set[str] = set()
        self.uploads: Files = {}  # large files by their sha256, between upload and commit
        self.tokens: set[str | None] = set()
        self.downloads: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def commit(self, model: str, revision: str) -> tuple[str, Files] | None:
        """Its hash and files."""
        commits = self.models[model]
        names = {_hash(model, number): number for number in range(len(commits))}
        number = len(commits) - 1 if revision == "main" else names.get(revision)
        return None if number is None else (_hash(model, number), commits[number])


@contextmanager
def running() -> Iterator[Hub]:
    """The hub, for a while."""
    hub = Hub()
    thread = threading.Thread(target=hub.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        thread.join()
        hub.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        parts = self.parts()
        if parts[:2] == ["api", "models"]:
            model, rest = "/".join(parts[2:4]), parts[4:]
            if found := self.find(model, rest[1] if rest else "main"):
                sha, files = found
                if rest[:1] == ["tree"]:
                    self.answer([_entry(name, content) for name, content in files.items()])
                    return
                self.answer({"id": model, "sha": sha, "siblings": [{"rfilename": name} for name in files]})
        elif parts[2:3] == ["resolve"]:
            self.file("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self.answer({"error": f"not in this stand-in: {self.path}"}, 501)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        body, parts = self.body(), self.parts()
        if parts == ["api", "repos", "create"]:
            self.create(json.loads(body))
        elif parts == ["api", "validate-yaml"]:
            self.answer({"errors": [], "warnings": []})
        elif parts[4:5] == ["preupload"]:
            names = [file["path"] for file in json.loads(body)["files"]]
            large = {name: "lfs" if name.endswith(".safetensors") else "regular" for name in names}
            self.answer({"files": [{"path": name, "uploadMode": large[name], "shouldIgnore": False} for name in names]})
        elif parts[4:5] == ["commit"]:
            self.take("/".join(parts[2:4]), [json.loads(line) for line in body.splitlines()])
        elif parts[-4:] == ["info", "lfs", "objects", "batch"]:
            objects = [
                {**each, "actions": {"upload": {"href": f"{self.server.address}/upload/{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            self.answer({"transfer": "basic", "objects": objects})
        else:
            self.answer({"error": f"not in this stand-in: {self.path}"}, 501)

    def do_PUT(self) -> None:
        content = self.body()
        assert hashlib.sha256(content).hexdigest() == self.parts()[1]
        self.server.uploads[self.parts()[1]] = content
        self.answer({})

    def create(self, asked: dict[str, Any]) -> None:
        model = f"{asked.get('organization') or 'user'}/{asked['name']}"
        authorization = self.headers.get("authorization")
        self.server.tokens.add(authorization)
        if authorization is None:
            self.answer({"error": "Invalid username or password."}, 401)
            return
        if asked.get("private") or asked.get("visibility") == "private":
            self.server.private.add(model)
        known = model in self.server.models
        self.server.models.setdefault(model, [{}])
        self.answer({"url": f"{self.server.address}/{model}", "name": model}, 409 if known else 200)

    def take(self, model: str, lines: list[dict[str, Any]]) -> None:
        files = dict(self.server.models[model][-1])
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.server.uploads.pop(value["oid"])
        self.server.models[model].append(files)
        sha = _hash(model, len(self.server.models[model]) - 1)
        self.answer({"commitUrl": f"{self.server.address}/{model}/commit/{sha}", "commitOid": sha, "success": True})

    def file(self, model: str, revision: str, name: str) -> None:
        if not (found := self.find(model, revision)):
            return
        sha, files = found
        if name not in files:
            self.answer({"error": "Entry not found"}, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": sha})
            return
        if self.command == "GET":
            self.server.downloads.append(name)
        etag = hashlib.sha256(files[name]).hexdigest()
        self.send(files[name], 200, {"X-Repo-Commit": sha, "ETag": f'"{etag}"'})

    def find(self, model: str, revision: str) -> tuple[str, Files] | None:
        if model not in self.server.models:
            self.answer({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            return None
        if not (found := self.server.commit(model, revision)):
            self.answer({"error": "Invalid rev id"}, 404, {"X-Error-Code": "RevisionNotFound"})
        return found

    def parts(self) -> list[str]:
        return [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def answer(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def send(self, content: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _entry(name: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha256(content).hexdigest()}


def _hash(model: str, number: int) -> str:
    return hashlib.sha1(f"{model} {number}".encode()).hexdigest()
