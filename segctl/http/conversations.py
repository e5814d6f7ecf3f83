"""POST /conversations."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from segctl.errors import NotFound
from segctl.http import bodies
from segctl.http.server_context import Server, errors
from segctl.http.settings import clock
from segctl.http.workers import Desk
from segctl.services.conversations import Opened, OpenRequest, open_conversation

router = APIRouter()


@router.post(
    "/conversations",
    status_code=201,
    responses={
        200: {"model": bodies.Conversation, "description": "It had been opened before."},
        **errors(400, 404, 409),
    },
)
async def open(
    asked: Annotated[bodies.OpenConversation, Body()], response: Response, server: Server
) -> bodies.Conversation:
    """Open a conversation and assign it by the rules, at this moment and never later.

    No rule that matches leaves it unassigned. The same `external_id` again gives the same
    conversation with status 200, so trying again is safe.
    """
    request = OpenRequest(
        contact=asked.contact,
        email=asked.email,
        channel=asked.channel,
        external_id=asked.external_id,
        create=asked.create_contact,
    )

    def work(desk: Desk) -> Opened:
        try:
            return open_conversation(
                desk.store, request, now=clock(), actor=server.settings.actor, rules=desk.rules
            )
        except NotFound as error:
            if not asked.create_contact:
                error.hint = '"create_contact": true makes one'
            raise

    opened: Opened = await server.run(work)
    if opened.created:
        server.metrics.conversations.labels(str(opened.conversation.assigned).lower()).inc()
    else:
        response.status_code = 200
    return bodies.conversation(opened)
