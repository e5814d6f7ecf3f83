"""GET /healthz and GET /metrics."""

from fastapi import APIRouter, Response

from segctl.errors import SegctlError
from segctl.http import bodies
from segctl.http.metrics import CONTENT_TYPE
from segctl.http.server_context import Server, errors
from segctl.http.settings import clock
from segctl.http.workers import Desk
from segctl.services.segment_views import SegmentView
from segctl.services.segments import list_segments

open_router = APIRouter()
"""Without a token."""
router = APIRouter()


@open_router.get("/healthz", responses={k: v for k, v in errors().items() if k != 401})
async def healthz(server: Server) -> bodies.Health:
    """Whether the server and its store answer. Needs no token and says nothing else."""
    await server.run(_look)
    return bodies.Health()


def _look(desk: Desk) -> None:
    with desk.store.read():
        pass


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format, also when the store does not answer.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **errors(),
    },
)
async def metrics(server: Server) -> Response:
    """Counts, ages and failures of segments; requests, and whether the store answers."""
    views: list[SegmentView] | None
    try:
        views = await server.run(lambda desk: list_segments(desk.store))
    except SegctlError:
        views = None
    return Response(server.metrics.text(views, clock()), media_type=CONTENT_TYPE)
