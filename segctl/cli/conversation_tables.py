"""The columns in which conversations and decisions are shown, and the keys that programs read."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from segctl.cli.output import Column

if TYPE_CHECKING:
    from segctl.services.conversation_views import ConversationView
    from segctl.services.conversations import Opened

COLUMNS = (
    Column("id", "Id", kind="number"),
    Column("contact", "Contact"),
    Column("channel", "Channel"),
    Column("opened_at", "Opened", kind="time"),
    Column("status", "Status"),
    Column("group", "Group"),
    Column("member", "Team member"),
    Column("segment", "By segment"),
)

DETAILS = (
    Column("id", "Id"),
    Column("external_id", "External id"),
    Column("contact", "Contact"),
    Column("channel", "Channel"),
    Column("opened_at", "Opened", kind="time"),
    Column("closed_at", "Closed", kind="time"),
    Column("status", "Status"),
    Column("group", "Group"),
    Column("member", "Team member"),
    Column("assigned_at", "Assigned", kind="time"),
    Column("assigned_by", "By"),
    Column("segment", "Segment"),
    Column("source", "Source"),
)

STEPS = (
    Column("position", "Position", kind="number"),
    Column("segment", "Segment"),
    Column("result", "Result"),
    Column("reason", "Reason"),
    Column("to", "To"),
)


def conversation_row(view: "ConversationView") -> dict[str, Any]:
    return {
        "id": view.id,
        "external_id": view.external_id,
        "channel": view.channel,
        "contact": view.contact,
        "contact_id": view.contact_id,
        "opened_at": view.opened_at,
        "closed_at": view.closed_at,
        "status": status(view),
        "assigned": view.assigned,
        "member": view.member,
        "group": view.group,
        "segment": view.segment,
        "rule": view.rule_id,
        "assigned_at": view.assigned_at,
        "assigned_by": view.assigned_by,
        "source": view.source,
    }


def opened_row(opened: "Opened") -> dict[str, Any]:
    """A conversation that was opened, or that was there already."""
    return {
        **conversation_row(opened.conversation),
        "created": opened.created,
        "new_contact": opened.new_contact,
        "skipped": [dict(step) for step in opened.skipped],
    }


def status(view: "ConversationView") -> str:
    """`closed`, or whether somebody has it."""
    if not view.open:
        return "closed"
    return "assigned" if view.assigned else "unassigned"


def step_rows(trace: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The steps of a trace as a table shows them: the assignee in one cell, ages in the reason."""
    return [
        {**step, "to": assignee(step.get("member"), step.get("group")), "reason": _reason(step)}
        for step in trace
    ]


def assignee(member: str | None, group: str | None) -> str | None:
    """`Sales: anna@example.com`, `Sales`, `anna@example.com`; None for nobody."""
    if group is None:
        return member
    return f"{group}: {member}" if member else group


def _reason(step: Mapping[str, Any]) -> str:
    from segctl.cli.output import seconds

    ages = [
        f'"{each["segment"]}" as counted {seconds(each["age"])} before'
        for each in step.get("stored_members", ())
    ]
    return f"{step['reason']} ({', '.join(ages)})" if ages else str(step["reason"])
