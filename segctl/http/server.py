"""Running the application until a signal ends it."""

import asyncio
from collections.abc import Callable
from copy import deepcopy
import ipaddress
import socket
import threading

import uvicorn
from uvicorn.config import LOGGING_CONFIG

from segctl.errors import ConfigError, SegctlError
from segctl.http.app import CLOSING, make_app
from segctl.http.server_context import Context, Say
from segctl.http.settings import ServerSettings

GRACE = 5
"""Seconds in which requests that are under way may end after a signal."""


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(
    settings: ServerSettings, ready: Callable[[str], None], say: Say, *, log: bool = False
) -> None:
    """Serve until SIGTERM or SIGINT, whose own handlers run afterwards.

    `ready` is called with the address when requests are answered. SegctlError if it cannot be
    listened on.
    """
    listener = _listen(settings.host, settings.port)
    logs = deepcopy(LOGGING_CONFIG)
    logs["handlers"]["access"]["stream"] = "ext://sys.stderr"
    app = make_app(settings, say)
    config = uvicorn.Config(
        app,
        log_config=logs,
        log_level="info" if log else "warning",
        access_log=log,
        server_header=False,
        timeout_graceful_shutdown=GRACE,
        lifespan="on",
        ws="none",
    )
    port = listener.getsockname()[1]
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    server = _Server(
        config,
        lambda: ready(f"http://{shown}:{port}"),
        lambda: _end(app.state.context),
    )
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
    if not server.started:
        raise SegctlError("the server could not start")


class _Server(uvicorn.Server):
    """Says when it is ready, and stops what would go on for long."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], stop: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._stop = stop

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Before it waits for requests: one that recalculates ends at once, undone.
        await asyncio.to_thread(self._stop)
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def _end(context: Context) -> None:
    """Stop recalculations at once, and other requests shortly before they are cut off."""
    late = threading.Timer(GRACE - CLOSING, context.workers.close, [CLOSING / 2])
    late.daemon = True
    late.start()
    context.recalculations.close(CLOSING)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise ConfigError(f'there is no address "{host}" to listen on: {error.strerror}') from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise SegctlError(
            f"{host}:{port} cannot be listened on: {error.strerror}", hint="--port takes another"
        ) from error
    listener.set_inheritable(True)
    return listener
