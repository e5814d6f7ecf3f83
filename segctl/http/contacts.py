"""GET /contacts/{ref}/segments."""

from typing import Annotated

from fastapi import APIRouter, Path

from segctl.catalog import MAX_KEY, ObjectType
from segctl.http import bodies
from segctl.http.server_context import Server, errors
from segctl.services import memberships
from segctl.services.memberships import Memberships

router = APIRouter()


@router.get("/contacts/{ref:path}/segments", responses=errors(404))
async def segments(
    ref: Annotated[
        str,
        Path(
            min_length=1,
            max_length=MAX_KEY,
            description="The contact's external id, or #id (write %23 for #).",
        ),
    ],
    server: Server,
) -> bodies.ContactSegments:
    """The segments that the contact is in, as last counted."""
    found: Memberships = await server.run(
        lambda desk: memberships.of_record(desk.store, ObjectType.CONTACT, ref)
    )
    return bodies.contact_segments(found)
