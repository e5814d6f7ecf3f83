"""The JSON that comes in and goes out: what /openapi.json describes."""

from collections.abc import Mapping, Sequence
import datetime as dt
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
)

from segctl.catalog import MAX_KEY, ObjectType
from segctl.services.conversations import Opened
from segctl.services.intervals import interval_text
from segctl.services.memberships import Memberships
from segctl.services.outcomes import Outcome, Result
from segctl.services.segment_views import SegmentView, Status

MAX_ID = 2**63 - 1


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL character")
    return text


Text = Annotated[
    StrictStr,
    StringConstraints(min_length=1, max_length=MAX_KEY),
    AfterValidator(_storable),
]
"""A text that the store can keep."""


class Given(BaseModel):
    """What a client sends. Unknown keys are refused: a misspelt one would go unnoticed."""

    model_config = ConfigDict(extra="forbid")


class OpenConversation(Given):
    """Whose conversation it is: `contact` or `email` has to be given."""

    contact: Text | None = Field(None, description="External id of the contact, or #id.")
    email: Text | None = Field(
        None, description="Address of the contact; `contact` comes before it."
    )
    channel: Text = Field("chat", description="Where it takes place.")
    external_id: Text | None = Field(
        None, description="The chat's own id of it. Opened again, it is the same conversation."
    )
    create_contact: StrictBool = Field(
        False, description="Make a contact of status visitor if it is not known."
    )


class Recalculate(Given):
    """How to recalculate; the body may be left out."""

    max_change: Text | None = Field(
        None, description="Refuse to change more members: 500, 20% or none."
    )


class Error(BaseModel):
    """What went wrong. Some errors have more keys."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(description="Stable, for machines; see docs/exit-codes.md and docs/http.md.")
    message: str
    hint: str | None = Field(description="The next thing to do.")


class ErrorAnswer(BaseModel):
    error: Error


class Conversation(BaseModel):
    """A conversation and to whom it was given; neither member nor group: to nobody yet."""

    id: int
    external_id: str | None
    channel: str
    contact: str
    contact_id: int
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    assigned: bool
    member: str | None = Field(description="Address of the team member.")
    group: str | None = Field(description="Name of the group.")
    rule_id: int | None
    segment: str | None = Field(description="The segment of the rule that decided.")
    assigned_at: dt.datetime | None
    assigned_by: str | None
    source: str
    created: bool = Field(description="False if it had been opened before.")
    new_contact: bool
    trace: list[dict[str, Any]] = Field(description="The decision, rule by rule.")


def conversation(opened: Opened) -> Conversation:
    view = opened.conversation
    names = set(Conversation.model_fields) - {"assigned", "created", "new_contact", "trace"}
    return Conversation(
        **{name: getattr(view, name) for name in names},
        assigned=view.assigned,
        created=opened.created,
        new_contact=opened.new_contact,
        trace=[dict(step) for step in view.trace],
    )


class Segment(BaseModel):
    """A segment as `segctl segments list -o json` writes it."""

    id: int
    name: str
    type: ObjectType
    interval: str
    count: int | None = Field(description="null until the members were first counted.")
    last_counted_at: dt.datetime | None
    modified_at: dt.datetime
    too_heavy: bool
    status: Status
    stale: bool
    running: bool
    description: str
    condition: str
    max_change: str | None
    last_duration: float | None
    error: str | None
    created_at: dt.datetime


def segment(view: SegmentView) -> Segment:
    names = set(Segment.model_fields) - {"interval"}
    values = {name: getattr(view, name) for name in names}
    return Segment(**values, interval=interval_text(view.interval))


class SegmentPage(BaseModel):
    segments: list[Segment]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class MemberPage(BaseModel):
    """Members by id. A recalculation between two pages shows in the later one."""

    segment_id: int
    count: int | None
    last_counted_at: dt.datetime | None
    stale: bool
    members: list[dict[str, Any]] = Field(description="id and the columns asked for.")
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


def member_page(
    view: SegmentView, rows: Sequence[Mapping[str, Any]], next: str | None
) -> MemberPage:
    return MemberPage(
        segment_id=view.id,
        count=view.count,
        last_counted_at=view.last_counted_at,
        stale=view.stale,
        members=[dict(row) for row in rows],
        next=next,
    )


class Membership(BaseModel):
    id: int
    name: str
    since: dt.datetime | None = Field(description="null where the history is gone.")
    last_counted_at: dt.datetime | None
    stale: bool


class ContactSegments(BaseModel):
    """The contact segments that have the contact as a member, as last counted."""

    contact_id: int
    segments: list[Membership]


def contact_segments(found: Memberships) -> ContactSegments:
    return ContactSegments(
        contact_id=found.record_id,
        segments=[
            Membership(
                id=one.segment.id,
                name=one.segment.name,
                since=one.since,
                last_counted_at=one.segment.last_counted_at,
                stale=one.segment.stale,
            )
            for one in found.of
        ],
    )


class Recalculation(BaseModel):
    """What became of the segment, as `segctl recalc -o json` writes it."""

    id: int
    name: str
    type: ObjectType
    result: Result
    mode: str
    why: str
    count_before: int | None
    count: int | None
    entered: int | None
    left: int | None
    baseline: bool
    duration: float
    run: int | None
    notes: list[str]


def recalculation(outcome: Outcome) -> Recalculation:
    same = ("name", "type", "result", "mode", "why", "count_before", "entered", "left", "baseline")
    return Recalculation(
        id=outcome.segment_id,
        count=outcome.count_after,
        duration=round(outcome.duration, 6),
        run=outcome.run,
        notes=list(outcome.notes),
        **{name: getattr(outcome, name) for name in same},
    )


class Accepted(BaseModel):
    """It takes longer than the server lets a request wait, and goes on."""

    id: int
    status: str = "running"


class Health(BaseModel):
    status: str = "ok"


# ---------------------------------------------------------------- Chatwoot


class _FromChatwoot(BaseModel):
    """Of what Chatwoot sends, the parts that matter; it may add others at any time."""

    model_config = ConfigDict(extra="ignore")


class ChatwootAccount(_FromChatwoot):
    id: Annotated[StrictInt, Field(ge=1, le=MAX_ID)]


class ChatwootSender(_FromChatwoot):
    """The contact."""

    id: Annotated[StrictInt, Field(ge=1, le=MAX_ID)]
    name: StrictStr | None = None
    email: StrictStr | None = None
    phone_number: StrictStr | None = None
    identifier: StrictStr | None = None


class ChatwootMeta(_FromChatwoot):
    sender: ChatwootSender


class ConversationCreated(_FromChatwoot):
    """The webhook `conversation_created`. `id` is the number that people see in Chatwoot."""

    event: StrictStr
    id: Annotated[StrictInt, Field(ge=1, le=MAX_ID)]
    account: ChatwootAccount | None = None
    meta: ChatwootMeta


class ChatwootAnswer(BaseModel):
    result: str = Field(description="opened, known (it was there before) or ignored.")
    conversation: Conversation | None = None
