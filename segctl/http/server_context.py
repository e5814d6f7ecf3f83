"""What the routes work with; one of it per server."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from segctl.http.assign_back import AssignBack
from segctl.http.bodies import ErrorAnswer
from segctl.http.metrics import Metrics
from segctl.http.settings import ServerSettings
from segctl.http.workers import Work, Workers


@dataclass(frozen=True, slots=True)
class Context:
    """`recalculations` are workers of their own, or a heavy segment would keep chats waiting."""

    settings: ServerSettings
    workers: Workers
    recalculations: Workers
    metrics: Metrics
    assign_back: AssignBack | None

    def run(self, work: Work[Any]) -> Awaitable[Any]:
        """Work on the store within the server's time limit."""
        return self.workers.run(work, self.settings.timeout)


def _of(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Server = Annotated[Context, Depends(_of)]

_SAID = {
    400: "The body is not JSON.",
    401: "The token or the signature is missing or wrong.",
    404: "There is no such thing.",
    408: "The body came too slowly.",
    409: "The state of the store forbids it, or somebody else is at it.",
    413: "The body is too large.",
    422: "What was sent does not fit.",
    503: "The store does not answer or is locked; Retry-After says when to try again.",
    504: "It took too long and was given up.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What /openapi.json says of the errors of a route, besides those that every one has."""
    return {
        status: {"model": ErrorAnswer, "description": _SAID[status]}
        for status in sorted({401, 408, 413, 422, 503, 504, *statuses})
    }


Say = Callable[[str], None]
