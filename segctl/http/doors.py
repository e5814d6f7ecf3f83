"""What every request passes before the application sees it: token, size and time of the body.

Plain ASGI, so that a body is neither read nor kept before its sender has shown the token.
"""

import asyncio
from collections.abc import Callable
import hashlib
import hmac
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from segctl.http.answers import answer
from segctl.http.metrics import Metrics

OPEN = ("/healthz", "/webhooks/chatwoot")
"""Paths without a token: one says nothing, the other has a signature instead."""
DRAINED = 64
"""So many bodies of the allowed size are read and thrown away, so that the sender hears why."""
METHODS = frozenset("GET POST PUT PATCH DELETE HEAD OPTIONS".split())
_REALM = 'Bearer realm="segctl"'


class Doors:
    """Refuses with 401, 408 and 413; the rest is the application's."""

    def __init__(self, app: ASGIApp, token: str, max_body: int, seconds: float) -> None:
        self.app = app
        self._token = _digest(token.encode())
        self._max_body = max_body
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name: value for name, value in scope["headers"]}  # noqa: C416  lower-case bytes
        if scope["path"] not in OPEN and not self._admits(headers.get(b"authorization", b"")):
            refused = answer(
                401,
                {
                    "code": "unauthorized",
                    "message": "the bearer token is missing or wrong",
                    "hint": "send Authorization: Bearer TOKEN",
                },
                WWW_Authenticate=_REALM,
            )
            await refused(scope, receive, send)
            return
        length = headers.get(b"content-length", b"0")
        too_large = length.isdigit() and int(length) > self._max_body
        try:
            async with asyncio.timeout(self._seconds):
                body = None if too_large else await self._body(receive)
                if body is None:
                    await self._drain(receive)
        except TimeoutError:
            await self._refuse(scope, receive, send, 408, "timeout", "the body came too slowly")
            return
        if body is None:
            limit = f"the body is larger than {self._max_body:,} bytes"
            await self._refuse(scope, receive, send, 413, "too_large", limit)
            return
        await self.app(scope, _replay(body, receive), send)

    def _admits(self, given: bytes) -> bool:
        scheme, _, token = given.partition(b" ")
        # Of digests, so that neither the time nor the length tells anything of the token.
        same = hmac.compare_digest(_digest(token.strip()), self._token)
        return scheme.lower() == b"bearer" and same

    async def _body(self, receive: Receive) -> bytes | None:
        """The whole body; None if it is too large."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return b"".join(chunks)
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > self._max_body:
                return None
            if not message.get("more_body", False):
                return b"".join(chunks)

    async def _drain(self, receive: Receive) -> None:
        size = 0
        while size < DRAINED * self._max_body:
            message = await receive()
            size += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                return

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, status: int, code: str, message: str
    ) -> None:
        described = {"code": code, "message": message, "hint": None}
        await answer(status, described, Connection="close")(scope, receive, send)


class Counted:
    """Counts what is answered, refusals at the doors included, and how long it took."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            # The route's own form, not the path: ids would make a series each.
            route = getattr(scope.get("route"), "path_format", "none")
            method = scope["method"] if scope["method"] in METHODS else "other"
            self._metrics.requests.labels(method, route, str(status)).inc()
            self._metrics.seconds.labels(method, route).observe(time.perf_counter() - began)


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _replay(body: bytes, receive: Receive) -> Callable[[], "asyncio.Future[Message]"]:
    """A receive that gives the body that was read, and then what else comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again  # type: ignore[return-value]
