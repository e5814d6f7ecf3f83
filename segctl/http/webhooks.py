"""POST /webhooks/chatwoot.

Chatwoot signs a webhook by HMAC-SHA256 of `timestamp.body` with the secret of the webhook, and
sends `X-Chatwoot-Signature: sha256=…` and `X-Chatwoot-Timestamp`, in seconds.
"""

import hashlib
import hmac
import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from segctl.errors import NotFound, UsageError
from segctl.http import bodies
from segctl.http.answers import refusal
from segctl.http.server_context import Server, errors
from segctl.http.settings import clock
from segctl.http.workers import Desk
from segctl.services.chatwoot import Sender, open_from_chatwoot
from segctl.services.conversations import Opened

router = APIRouter()

CREATED = "conversation_created"
FRESH = 300
"""Seconds that a signature is good for: one that was overheard is of no use later."""

_DESCRIBED = {
    "parameters": [
        {
            "name": name,
            "in": "header",
            "required": True,
            "schema": {"type": "string"},
            "description": text,
        }
        for name, text in (
            ("X-Chatwoot-Signature", "sha256= and the hexadecimal HMAC of timestamp.body."),
            ("X-Chatwoot-Timestamp", "When it was signed, in Unix seconds."),
        )
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
}


@router.post(
    "/webhooks/chatwoot",
    response_model=bodies.ChatwootAnswer,
    responses=errors(400, 404, 409),
    openapi_extra=_DESCRIBED,
)
async def chatwoot(request: Request, server: Server) -> bodies.ChatwootAnswer | JSONResponse:
    """A webhook of Chatwoot. `conversation_created` opens the conversation here and assigns it.

    Its contact is found by identifier or address, or made. Other events are ignored. The answer
    does not wait for Chatwoot to be told who got it.
    """
    settings = server.settings.chatwoot
    if settings.webhook_secret is None:
        raise NotFound("no Chatwoot is configured here", hint="docs/http.md: [chatwoot]")
    body = await request.body()
    if not _is_signed(request, body, settings.webhook_secret):
        return refusal(
            401,
            "signature",
            "the signature is missing, wrong or too old",
            "docs/http.md says how webhooks are signed; compare secrets and clocks",
        )
    payload = _json(body)
    if not isinstance(payload, dict) or payload.get("event") != CREATED:
        return bodies.ChatwootAnswer(result="ignored")
    try:
        created = bodies.ConversationCreated.model_validate(payload)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
    account = created.account.id if created.account else settings.account_id
    if account is None or settings.account_id not in (None, account):
        raise UsageError(
            f"the webhook is of account {account}, and this server is for {settings.account_id}",
            hint="account_id in [chatwoot]",
        )
    found = created.meta.sender
    sender = Sender(found.id, found.identifier, found.email, found.name, found.phone_number)

    def work(desk: Desk) -> Opened:
        return open_from_chatwoot(
            desk.store,
            sender,
            account=account,
            conversation=created.id,
            now=clock(),
            actor=server.settings.actor,
            rules=desk.rules,
        )

    opened: Opened = await server.run(work)
    if opened.created:
        server.metrics.conversations.labels(str(opened.conversation.assigned).lower()).inc()
        if server.assign_back is not None:
            server.assign_back.tell(opened.conversation)
    result = "opened" if opened.created else "known"
    return bodies.ChatwootAnswer(result=result, conversation=bodies.conversation(opened))


def _is_signed(request: Request, body: bytes, secret: str) -> bool:
    signature = request.headers.get("x-chatwoot-signature", "")
    timestamp = request.headers.get("x-chatwoot-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        return False
    signed = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    expected = f"sha256={signed.hexdigest()}".encode()
    same = hmac.compare_digest(expected, signature.encode("latin-1", "replace"))
    return same and abs(clock().timestamp() - int(timestamp)) <= FRESH


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        problem = {"type": "json_invalid", "loc": ("body",), "msg": "it is not JSON"}
        raise RequestValidationError([problem]) from error
