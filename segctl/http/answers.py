"""Errors as answers: the JSON of the command line's errors, and a status for who is to act."""

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from segctl.errors import (
    AlreadyExists,
    Busy,
    CheckFailed,
    GuardStopped,
    InUse,
    NotFound,
    PartlyFailed,
    SegctlError,
    StoreError,
    UsageError,
)
from segctl.http.workers import TimedOut

RETRY_AFTER = "1"
"""Seconds."""

_STATUS: tuple[tuple[type[SegctlError], int], ...] = (
    (TimedOut, 504),
    (StoreError, 503),
    (NotFound, 404),
    (UsageError, 422),
    (AlreadyExists, 409),
    (InUse, 409),
    (GuardStopped, 409),
    (CheckFailed, 409),
    (PartlyFailed, 409),
)


def status_of(error: SegctlError) -> int:
    """The HTTP status of an error. What the state of the store forbids is a conflict."""
    if isinstance(error, Busy):
        # A lease is somebody's work on this very segment; a lock is over in a moment.
        return 409 if error.fields.get("reason") == "lease" else 503
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 409)


def answer(status: int, error: dict[str, Any], **headers: str) -> JSONResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse({"error": error}, status, named)


def refusal(status: int, code: str, message: str, hint: str | None = None) -> JSONResponse:
    return answer(status, {"code": code, "message": message, "hint": hint})


async def of_segctl(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, SegctlError)
    status = status_of(error)
    if status in (503, 504) or isinstance(error, Busy):
        return answer(status, error.described, Retry_After=RETRY_AFTER)
    return answer(status, error.described)


async def of_validation(request: Request, error: Exception) -> JSONResponse:
    """What does not fit the documented form; 400 if it is no JSON at all."""
    assert isinstance(error, RequestValidationError)
    problems = [
        {"where": ".".join(map(str, problem["loc"])), "problem": _lower(str(problem["msg"]))}
        for problem in error.errors()
    ]
    first = problems[0]
    if error.errors()[0]["type"] == "json_invalid":
        return refusal(400, "json", "the body is not JSON", "send Content-Type: application/json")
    described = {
        "code": "usage",
        "message": f"{first['where']}: {first['problem']}",
        "hint": "GET /openapi.json describes what is accepted",
        "problems": problems,
    }
    return answer(422, described)


async def of_http(request: Request, error: Exception) -> JSONResponse:
    """Paths and methods that are not there, and bodies that cannot be read."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    match error.status_code:
        case 404:
            described = ("not_found", f"there is no {request.url.path} here")
        case 405:
            described = ("method", f"{request.method} is not for {request.url.path}")
        case _:
            described = ("request", _lower(error.detail))
    code, message = described
    body = {"code": code, "message": message, "hint": "GET /openapi.json lists what there is"}
    return JSONResponse({"error": body}, error.status_code, headers)


async def of_bug(request: Request, error: Exception) -> JSONResponse:
    """What nobody foresaw. The log has the traceback, the client does not."""
    return refusal(
        500, "bug", "the server failed, and that is a bug of segctl", "its log says more"
    )


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
