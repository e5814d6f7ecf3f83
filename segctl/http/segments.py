"""GET /segments, GET /segments/{id}/members, POST /segments/{id}/recalculate."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response

from segctl.catalog import ObjectType
from segctl.engine.limits import parse_max_change
from segctl.errors import NotFound, UsageError
from segctl.http import bodies
from segctl.http.server_context import Server, errors
from segctl.http.settings import clock
from segctl.http.workers import Desk, Workers, going_down
from segctl.services import batches, members, recalculation
from segctl.services.members import DEFAULT_COLUMNS
from segctl.services.outcomes import Outcome, verdict
from segctl.services.segment_views import SegmentView, find
from segctl.services.segments import list_segments
from segctl.services.watching import Stopped, Watch

router = APIRouter()

PAGE = 100

Id = Annotated[int, Path(ge=1, le=bodies.MAX_ID, description="The segment's id.")]
Limit = Annotated[int, Query(ge=1, description="Rows of a page; the server bounds it.")]
Cursor = Annotated[
    str | None,
    Query(pattern="^[0-9]{1,18}$", description="`next` of the page before."),
]


@router.get("/segments", responses=errors())
async def list_(
    server: Server,
    type: Annotated[ObjectType | None, Query(description="Only segments of this type.")] = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> bodies.SegmentPage:
    """All segments by id, with what is known of their members."""
    views: list[SegmentView] = await server.run(lambda desk: list_segments(desk.store, type))
    after = int(cursor or 0)
    size = min(limit, server.settings.max_page)
    rest = sorted((view for view in views if view.id > after), key=lambda view: view.id)
    page = rest[:size]
    return bodies.SegmentPage(
        segments=[bodies.segment(view) for view in page],
        next=str(page[-1].id) if len(rest) > size else None,
    )


@router.get("/segments/{id}/members", responses=errors(404, 409))
async def members_(
    id: Id,
    server: Server,
    limit: Limit = PAGE,
    cursor: Cursor = None,
    columns: Annotated[
        str | None,
        Query(max_length=2000, description="Attributes to give, separated by commas."),
    ] = None,
) -> bodies.MemberPage:
    """The members as last counted, by their id. A segment that was never counted is a conflict."""
    names = DEFAULT_COLUMNS if columns is None else _names(columns)
    size = min(limit, server.settings.max_page)

    def work(desk: Desk) -> bodies.MemberPage:
        view = find(desk.store, f"#{id}")
        try:
            with members.stored(
                desk.store,
                f"#{view.id}",
                columns=names,
                limit=size + 1,
                after=int(cursor or 0),
            ) as found:
                rows = list(found.rows)
                view = found.segment
        except NotFound as error:
            if view.count is None:
                raise
            raise UsageError(f"columns: {error.message}", hint=error.hint) from error
        more = len(rows) > size
        return bodies.member_page(view, rows[:size], str(rows[size - 1]["id"]) if more else None)

    page: bodies.MemberPage = await server.run(work)
    return page


def _names(columns: str) -> list[str]:
    names = [name.strip() for name in columns.split(",") if name.strip()]
    if not names:
        raise UsageError("columns: it names no attribute", hint="columns=name,email")
    return ["id", *names]


class _UntilClosing(Watch):
    """Gives a recalculation up when the server goes down."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    def stopped(self) -> bool:
        return self._workers.closing


@router.post(
    "/segments/{id}/recalculate",
    responses={
        202: {"model": bodies.Accepted, "description": "It takes longer, and goes on."},
        **errors(400, 404, 409),
    },
    response_model=bodies.Recalculation | bodies.Accepted,
)
async def recalculate(
    id: Id,
    response: Response,
    server: Server,
    asked: Annotated[bodies.Recalculate | None, Body()] = None,
) -> bodies.Recalculation | bodies.Accepted:
    """Find out which records belong, and store who entered and left.

    If another process is at it already, that is a conflict.
    """
    max_change = None if asked is None else asked.max_change
    guard = None if max_change is None else parse_max_change(max_change)

    def work(desk: Desk) -> Outcome:
        view = find(desk.store, f"#{id}")
        try:
            outcomes = recalculation.recalculate(
                desk.store,
                batches.choose(desk.store, [f"#{view.id}"]),
                now=clock(),
                trigger="http",
                max_change=guard,
                hooks=server.settings.hooks,
                watch=_UntilClosing(server.recalculations),
            )
        except Stopped as stopped:
            raise going_down() from stopped
        mine = next(outcome for outcome in outcomes if outcome.segment_id == view.id)
        failed = verdict([mine])
        if failed is not None:
            raise failed
        return mine

    outcome = await server.recalculations.run_or_leave(work, server.settings.timeout)
    if outcome is None:
        response.status_code = 202
        return bodies.Accepted(id=id)
    return bodies.recalculation(outcome)
