"""Calling a hook: a command with the lines on its stdin, or a POST with them as its body.

A body is signed by HMAC-SHA256 over the time, a dot and the body, so that an old one cannot be
sent again as a new one.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
import datetime as dt
import hashlib
import hmac
import os
import signal
import subprocess
import tempfile
import threading
import time
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from segctl import __version__
from segctl.config_hooks import Hook

POLL = 0.05
MERCY = 2.0
"""Seconds between asking a command to end and making it."""
TALK = 400
"""So many characters of what a failed hook said are kept."""


class HookFailed(Exception):
    """The hook did not take the delivery; the text says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """Which run of which segment is told."""

    delivery: int
    segment_id: int
    segment: str
    run: int


def call(
    hook: Hook,
    what: Call,
    body: IO[bytes],
    secret: str | None,
    *,
    now: dt.datetime,
    environ: Mapping[str, str],
    stopped: Callable[[], bool],
) -> None:
    """Hand the body over; HookFailed if that fails, takes too long or is `stopped`."""
    signature = sign(body, secret, round(now.timestamp())) if secret is not None else None
    body.seek(0)
    if hook.webhook is None:
        _run(hook, what, body, signature, environ, stopped)
    else:
        _post(hook, hook.webhook, what, body, signature)


def sign(body: IO[bytes], secret: str, timestamp: int) -> str:
    """`t=1767225600,v1=<hex>`, the value of X-Segctl-Signature."""
    made = hmac.new(secret.encode(), f"{timestamp}.".encode(), hashlib.sha256)
    body.seek(0)
    while piece := body.read(1 << 16):
        made.update(piece)
    return f"t={timestamp},v1={made.hexdigest()}"


# ---------------------------------------------------------------- commands


def _run(
    hook: Hook,
    what: Call,
    body: IO[bytes],
    signature: str | None,
    environ: Mapping[str, str],
    stopped: Callable[[], bool],
) -> None:
    env = {
        **environ,
        "SEGCTL_HOOK": hook.name,
        "SEGCTL_HOOK_DELIVERY": str(what.delivery),
        "SEGCTL_HOOK_SEGMENT": what.segment,
        "SEGCTL_HOOK_SEGMENT_ID": str(what.segment_id),
        "SEGCTL_HOOK_RUN": str(what.run),
        **({"SEGCTL_HOOK_SIGNATURE": signature} if signature else {}),
    }
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                hook.command,
                stdin=body,
                stdout=subprocess.DEVNULL,
                stderr=said,
                cwd=hook.folder,
                env=env,
                # Its own group, so that what it starts can be ended with it.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise HookFailed(f"the command cannot be started: {error}") from error
        end = time.monotonic() + hook.timeout
        while process.poll() is None and time.monotonic() < end and not stopped():
            time.sleep(POLL)
        if process.poll() is None:
            _end_group(process)
            raise HookFailed(f"the command took longer than {hook.timeout:g} s and was ended")
        if process.returncode:
            said.seek(0, os.SEEK_END)
            said.seek(max(0, said.tell() - TALK))
            words = " ".join(said.read().decode(errors="replace").split())
            raise HookFailed(
                f"the command ended with {process.returncode}" + (f": {words}" if words else "")
            )


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a command and everything it has started."""
    for number, patience in ((signal.SIGTERM, MERCY), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            if number == signal.SIGTERM:
                # It has ended, but perhaps not all of its children.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            return


# ---------------------------------------------------------------- webhooks


def _post(hook: Hook, address: str, what: Call, body: IO[bytes], signature: str | None) -> None:
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    parts = urlsplit(address)
    assert parts.hostname is not None
    kind: Any = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port, timeout=hook.timeout)
    body.seek(0, os.SEEK_END)
    length = body.tell()
    body.seek(0)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    late = threading.Event()

    def give_up() -> None:
        # The timeout of a socket is for each read; a server that trickles must not outlast it.
        late.set()
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(2)

    timer = threading.Timer(hook.timeout, give_up)
    timer.daemon = True
    timer.start()
    try:
        connection.request("POST", path, body, _headers(hook, parts, what, length, signature))
        answer = connection.getresponse()
        text = " ".join(answer.read(TALK).decode(errors="replace").split())
    except (OSError, HTTPException, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            reason = f"no answer within {hook.timeout:g} s"
        else:
            reason = str(error) or type(error).__name__
        raise HookFailed(f"the webhook could not be called: {reason}") from error
    finally:
        timer.cancel()
        connection.close()
    if late.is_set():
        # What was cut off looks like the end of an answer.
        raise HookFailed(f"the webhook could not be called: no answer within {hook.timeout:g} s")
    if not 200 <= answer.status < 300:
        raise HookFailed(
            f"the webhook answered {answer.status} {answer.reason}".rstrip()
            + (f": {text}" if text else "")
        )


def _headers(
    hook: Hook, parts: Any, what: Call, length: int, signature: str | None
) -> dict[str, str]:
    headers = {
        "Content-Type": "application/x-ndjson",
        "Content-Length": str(length),
        "User-Agent": f"segctl/{__version__}",
        "X-Segctl-Hook": hook.name.encode("ascii", "replace").decode(),
        "X-Segctl-Delivery": str(what.delivery),
        "X-Segctl-Segment": str(what.segment_id),
        "X-Segctl-Run": str(what.run),
    }
    if signature is not None:
        headers["X-Segctl-Signature"] = signature
    if parts.username is not None:
        import base64

        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
    return headers
