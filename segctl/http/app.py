"""The application: its routes, its errors, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

from segctl import __version__
from segctl.errors import SegctlError
from segctl.http import answers, contacts, conversations, health, segments, webhooks
from segctl.http.assign_back import AssignBack
from segctl.http.doors import Counted, Doors
from segctl.http.metrics import Metrics
from segctl.http.server_context import Context, Say
from segctl.http.settings import ServerSettings
from segctl.http.workers import Workers
from segctl.store.opening import Store, open_store

RECALCULATIONS = 2
"""So many at a time; others wait."""
CLOSING = 2.0
"""Seconds in which interrupted work has to end."""

# doors.py asks for the token; this tells /openapi.json so.
_BEARER = Depends(HTTPBearer(auto_error=False, description="The token of `segctl serve`."))


def make_app(settings: ServerSettings, say: Say) -> FastAPI:
    """The application of a server. `say` is told what a person should know."""
    metrics = Metrics()

    def patient() -> Store:
        return open_store(
            settings.store_url,
            busy_timeout=settings.busy_timeout,
            connect_timeout=settings.connect_timeout,
        )

    def store() -> Store:
        """For requests: who waits for a lock hears of it before the request is given up."""
        return open_store(
            settings.store_url,
            busy_timeout=min(settings.busy_timeout, settings.timeout / 2),
            connect_timeout=settings.connect_timeout,
        )

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        workers = Workers(settings.workers, store, "worker")
        recalculations = Workers(RECALCULATIONS, patient, "recalculation")
        back = None
        if settings.chatwoot.token is not None:
            back = AssignBack(settings.chatwoot, patient, metrics, say, settings.actor)
        app.state.context = Context(settings, workers, recalculations, metrics, back)
        try:
            yield
        finally:
            for group in (recalculations, workers):
                group.close(CLOSING)
            if back is not None:
                back.close(CLOSING)

    app = FastAPI(
        title="segctl",
        version=__version__,
        description="Segments of a CRM workspace, their members, and who gets which chat.",
        docs_url=None,
        redoc_url=None,
        lifespan=living,
    )
    for router in (conversations.router, segments.router, contacts.router, health.router):
        app.include_router(router, dependencies=[_BEARER])
    for router in (health.open_router, webhooks.router):
        app.include_router(router)
    app.add_exception_handler(SegctlError, answers.of_segctl)
    app.add_exception_handler(RequestValidationError, answers.of_validation)
    app.add_exception_handler(HTTPException, answers.of_http)
    app.add_exception_handler(Exception, answers.of_bug)
    app.add_middleware(
        Doors, token=settings.token, max_body=settings.max_body, seconds=settings.timeout
    )
    app.add_middleware(Counted, metrics=metrics)
    return app
