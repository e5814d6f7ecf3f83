"""A real `segctl serve` on loopback, asked over real connections."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
import hashlib
import hmac
import http.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import queue
import re
import subprocess
import threading
import time
from typing import Any
from urllib.parse import urlsplit

TOKEN = "0123456789abcdef0123456789abcdef"
SECRET = "a secret of webhooks"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> dict[str, Any]:
        assert list(self.json) == ["error"]
        return self.json["error"]

    def ok(self, status: int = 200) -> "Answer":
        assert self.status == status, f"{self.status} {self.text}"
        return self


@dataclass
class Server:
    """A server that was started, and the process it is."""

    address: str
    process: "subprocess.Popen[bytes]"

    def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
        timeout: float = 60,
    ) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=timeout)
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if body is not None:
            raw = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, raw, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, text)
        finally:
            connection.close()

    def webhook(
        self,
        payload: Any,
        *,
        secret: str = SECRET,
        at: float | None = None,
        raw: bytes | None = None,
        **headers: str,
    ) -> Answer:
        """What Chatwoot sends: signed, without a token."""
        body = json.dumps(payload).encode() if raw is None else raw
        timestamp = str(int(time.time() if at is None else at))
        signed = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        sent = {
            "Content-Type": "application/json",
            "X-Chatwoot-Signature": f"sha256={signed.hexdigest()}",
            "X-Chatwoot-Timestamp": timestamp,
            "X-Chatwoot-Delivery": "0f1e",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self("POST", "/webhooks/chatwoot", raw=body, token=None, headers=sent)

    def stop(self, timeout: float = 20) -> tuple[int, str]:
        """Its exit code after SIGTERM, and what it said."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=timeout)
        return self.process.returncode, self.said + said.decode()

    said: str = ""


def start(processes: Any, store: Any, *words: object, **more: Any) -> Server:
    """Start a server on a free port and wait until it answers."""
    env = {"SEGCTL_SERVE_TOKEN": TOKEN, **more.pop("env", {})}
    process = processes.start("serve", "--port", "0", *words, store=store, env=env, **more)
    said = ""
    for line in iter(process.stderr.readline, b""):
        said += line.decode()
        if found := re.search(r"serving on (http://\S+)", said):
            server = Server(found[1], process)
            server.said = said
            return server
    raise AssertionError(f"it did not start:\n{said}")


# ---------------------------------------------------------------- a Chatwoot of our own


class FakeChatwoot:
    """Answers as Chatwoot's public API does, and remembers what it was asked.

    `answers` are statuses to give before 200.
    """

    def __init__(self) -> None:
        self.asked: queue.Queue[tuple[str, Mapping[str, str], Any]] = queue.Queue()
        self.answers: list[int] = []
        self.token = "chatwoot-token"
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fake.asked.put((self.path, dict(self.headers), json.loads(body)))
                status = fake.answers.pop(0) if fake.answers else 200
                if self.headers.get("api_access_token") != fake.token:
                    status = 401
                self.send_response(status)
                text = json.dumps({"id": 4, "name": "Anna"} if status == 200 else {"error": "x"})
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def next(self) -> tuple[str, Any]:
        """The path and body of the next call, waited for."""
        path, _, body = self.asked.get(timeout=60)
        return path, body

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def fake_chatwoot() -> Iterator[FakeChatwoot]:
    fake = FakeChatwoot()
    try:
        yield fake
    finally:
        fake.close()
