"""`segctl assignments test`, `lint` and `simulate`: what the rules do, without doing it."""

from typing import Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.conversation_tables import STEPS, assignee, step_rows
from segctl.cli.options import AtOption, OutputOption, moment
from segctl.cli.output import Column, Format
from segctl.errors import CheckFailed, UsageError

FINDINGS = (
    Column("position", "Position", kind="number"),
    Column("segment", "Segment"),
    Column("finding", "Finding"),
    Column("message", "Because"),
)
MOVES = (
    Column("before", "From", empty="nobody"),
    Column("after", "To", empty="nobody"),
    Column("count", "Conversations", kind="number"),
)
DIFFERENCES = (
    Column("id", "Id", kind="number"),
    Column("contact", "Contact"),
    Column("opened_at", "Opened", kind="time"),
    Column("before", "From", empty="nobody"),
    Column("after", "To", empty="nobody"),
    Column("after_segment", "By segment"),
)


def try_contact(
    contact: Annotated[
        str | None,
        typer.Option("--contact", metavar="ID", help="The contact's external id, or #id."),
    ] = None,
    email: Annotated[
        str | None, typer.Option("--email", metavar="ADDRESS", help="The contact's address.")
    ] = None,
    at: AtOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show whom a contact's chat would be given to, rule by rule. Nothing is stored.

    Example: segctl assignments test --email anna@example.com
    """
    from segctl.services import assignment_trial
    from segctl.services.filters import workspace_zone

    _refuse_two(contact, email)
    with context.store() as store:
        now = context.now(at, workspace_zone(store))
        found = assignment_trial.try_contact(store, contact, email, now=now)
    to = found.decision.assigned
    member, group = (None, None) if to is None else (to.member, to.group)
    if output_format is Format.TABLE:
        output.show(step_rows(found.decision.trace), STEPS)
        who = assignee(member, group)
        end = "stay unassigned" if who is None else f"go to {who}"
        output.note(f"a chat of the contact {found.contact} would {end}")
        return
    row = {
        "contact": found.contact,
        "contact_id": found.contact_id,
        "source": found.decision.source.value,
        "at": now,
        "assigned": to is not None,
        "member": member,
        "group": group,
        "segment": None if found.decision.rule is None else found.decision.rule.segment,
        "rule": None if found.decision.rule is None else found.decision.rule.id,
        "trace": [dict(step) for step in found.decision.trace],
    }
    output.show_one(row, [Column(key, key) for key in row], output_format)


def lint(output_format: OutputOption = Format.TABLE) -> None:
    """Find rules that can never decide. Exits 6 when there are some.

    Rules that are disabled, or whose segment is empty now, are listed but are no problem.

    Example: segctl assignments lint
    """
    from segctl.services.assignment_lint import lint as look

    with context.store() as store:
        found = look(store)
    rows = [
        {
            "position": finding.position,
            "rule": finding.rule,
            "segment": finding.segment,
            "finding": finding.code.value,
            "problem": finding.problem,
            "message": finding.message,
            "by": list(finding.by),
        }
        for finding in found.findings
    ]
    if rows or output_format is not Format.TABLE:
        output.show(rows, FINDINGS, output_format)
    rules = "1 rule" if found.rules == 1 else f"{found.rules} rules"
    if found.problems:
        problems = "1 problem" if found.problems == 1 else f"{found.problems} problems"
        raise CheckFailed(f"{problems} in {rules}", hint="segctl assignments edit, move or disable")
    output.note(f"no problems in {rules}")


def simulate(
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Conversations opened since then.")
    ] = "7d",
    order: Annotated[
        list[str] | None,
        typer.Option(
            "--order",
            metavar="RULES",
            help="Rules that come first, in this order: 3,1,2, or one --order for each; the "
            "others follow as they are.",
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", metavar="RULE", help="Leave this rule out; repeatable."),
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Replay conversations with the rules in another order.

    Nothing is stored. Both orders are replayed on what is known now, at the time of each
    conversation. Without --order and --without, the decisions as they were stored are compared
    with today's rules. A TIME may be an age, such as 7d.

    Example: segctl assignments simulate --since 7d --order "Trials","Key accounts"
    """
    from segctl.services import simulation
    from segctl.services.filters import workspace_zone

    with context.store() as store, output.progress("Replaying conversations") as advance:
        now, zone = context.now(), workspace_zone(store)
        start = moment("--since", since, now, zone)
        assert start is not None
        found = simulation.simulate(
            store, since=start, order=order or (), without=without or (), progress=advance
        )
    rows = [_difference_row(each) for each in found.differences]
    if output_format is Format.JSON:
        summary = {
            "compared": found.compared,
            "as_of_now": simulation.AS_OF_NOW,
            "order": list(found.order),
            "replayed": found.replayed,
            "contacts_gone": found.gone,
            "drifted": found.drifted,
            "moves": [
                {"before": m.before, "after": m.after, "count": m.count} for m in found.moves
            ],
            "differences": rows,
        }
        output.show_one(summary, [Column(key, key) for key in summary], output_format)
        return
    if output_format is not Format.TABLE:
        output.show(rows, DIFFERENCES, output_format)
    elif rows:
        moves = [{"before": m.before, "after": m.after, "count": m.count} for m in found.moves]
        output.show(moves, MOVES)
        output.line("")
        output.show(rows, DIFFERENCES, zone=zone, now=now)
    _tell(found)


def _tell(found: Any) -> None:
    from segctl.services.simulation import AS_OF_NOW

    output.note(
        f"{len(found.differences):,} of {found.replayed:,} conversations would go to somebody "
        f"else; compared with {found.compared}"
    )
    if found.gone:
        output.note(f"{found.gone:,} more are of contacts that were deleted")
    if found.drifted and found.compared == "the present rules":
        output.note(
            f"{found.drifted:,} were decided otherwise at their time than the present rules would"
        )
    output.note(f"note: {AS_OF_NOW}")


def _difference_row(each: Any) -> dict[str, Any]:
    return {
        "id": each.id,
        "external_id": each.external_id,
        "contact": each.contact,
        "opened_at": each.opened_at,
        "before": each.before,
        "before_segment": each.before_segment,
        "after": each.after,
        "after_segment": each.after_segment,
    }


def _refuse_two(contact: str | None, email: str | None) -> None:
    if (contact is None) == (email is None):
        raise UsageError("say which contact", hint="--contact ID or --email ADDRESS")
