"""`segctl assignments`: which contact segment's chats go to whom."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.conversation_tables import STEPS, assignee, step_rows
from segctl.cli.options import AtOption, OutputOption, SegmentArgument, YesOption, moment
from segctl.cli.output import Column, Format
from segctl.errors import CheckFailed, SegctlError, UsageError

if TYPE_CHECKING:
    from segctl.services.assignments import RuleView

app = typer.Typer()

COLUMNS = (
    Column("position", "Position", kind="number"),
    Column("id", "Id", kind="number"),
    Column("segment", "Segment"),
    Column("to", "To"),
    Column("enabled", "Enabled", kind="bool"),
    Column("description", "Description"),
)
DETAILS = (
    *COLUMNS,
    Column("created_at", "Created", kind="time"),
    Column("modified_at", "Modified", kind="time"),
)
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


def rule_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """The rules that a shell proposes after TAB."""
    call = context.begin()
    given = {**ctx.find_root().params, **ctx.params}
    call.config, call.store = given.get("config"), given.get("store")
    try:
        from segctl.services.assignments import list_rules

        with context.store() as store:
            names = [view.segment for view in list_rules(store)]
    except SegctlError:
        return []
    return [name for name in names if name.startswith(incomplete)]


RuleArgument = Annotated[
    str,
    typer.Argument(
        metavar="RULE",
        help="The rule: its segment's name, or its id.",
        autocompletion=rule_names,
    ),
]
DescriptionOption = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="What it is for.")
]
ToOption = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="WHO",
        help="A team member (address or name) or a group; member:WHO and group:WHO say which.",
    ),
]


@app.command()
def create(
    segment: SegmentArgument,
    to: ToOption,
    position: Annotated[
        int | None,
        typer.Option("--position", metavar="N", help="Its place among the rules; default: last."),
    ] = None,
    description: DescriptionOption = None,
    disabled: Annotated[
        bool, typer.Option("--disabled", help="Leave it out until it is enabled.")
    ] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Give the chats of a contact segment to a team member or a group.

    Rules are tried by position, and the first that matches decides.

    Example: segctl assignments create "Key accounts" --to Sales --position 1
    """
    from segctl.services import assignments

    with context.store() as store:
        made = assignments.create(
            store,
            segment,
            to,
            position=position,
            enabled=not disabled,
            description=description or "",
            now=context.now(),
            actor=context.actor(),
        )
    output.note(f'"{made.segment}" goes to {made.to}, at position {made.position}')
    _print(made, output_format)


@app.command("list")
def list_(output_format: OutputOption = Format.TABLE) -> None:
    """List the rules in the order in which they are tried.

    Example: segctl assignments list
    """
    from segctl.services import assignments

    with context.store() as store:
        rules = assignments.list_rules(store)
    output.show(map(_row, rules), COLUMNS, output_format)


@app.command()
def show(rule: RuleArgument, output_format: OutputOption = Format.TABLE) -> None:
    """Show one rule.

    Example: segctl assignments show "Key accounts"
    """
    from segctl.services import assignments

    with context.store() as store:
        found = assignments.show(store, rule)
    output.show_one(_row(found), DETAILS, output_format)


@app.command()
def edit(
    rule: RuleArgument,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="WHO", help="Another team member or group."),
    ] = None,
    segment: Annotated[
        str | None, typer.Option("--segment", metavar="SEGMENT", help="Another contact segment.")
    ] = None,
    description: DescriptionOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Change to whom a rule assigns, its segment or its description.

    Example: segctl assignments edit "Key accounts" --to anna@example.com
    """
    from segctl.services import assignments

    with context.store() as store:
        made = assignments.edit(
            store,
            rule,
            to=to,
            segment=segment,
            description=description,
            now=context.now(),
            actor=context.actor(),
        )
    output.note(f'"{made.segment}" goes to {made.to}, at position {made.position}')
    _print(made, output_format)


@app.command()
def move(
    rule: RuleArgument,
    to: Annotated[
        int | None, typer.Option("--to", metavar="N", help="This position, counted from 1.")
    ] = None,
    before: Annotated[
        str | None, typer.Option("--before", metavar="RULE", help="The place before that rule.")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="RULE", help="The place after that rule.")
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Move a rule to another position.

    Prints all rules in their new order.

    Example: segctl assignments move "Key accounts" --to 1
    """
    from segctl.services import assignments

    with context.store() as store:
        rules = assignments.move(
            store,
            rule,
            position=to,
            before=before,
            after=after,
            now=context.now(),
            actor=context.actor(),
        )
    output.show(map(_row, rules), COLUMNS, output_format)


@app.command()
def enable(rule: RuleArgument) -> None:
    """Let a rule take part again, at its position.

    Example: segctl assignments enable "Key accounts"
    """
    _switch(rule, enabled=True)


@app.command()
def disable(rule: RuleArgument) -> None:
    """Leave a rule out without deleting it.

    Example: segctl assignments disable "Key accounts"
    """
    _switch(rule, enabled=False)


@app.command()
def delete(rule: RuleArgument, yes: YesOption = False) -> None:
    """Delete a rule. Conversations that it assigned stay as they are.

    Example: segctl assignments delete "Key accounts" --yes
    """
    from segctl.services import assignments

    with context.store() as store:
        found = assignments.show(store, rule)
        output.confirm(f'Delete the rule of "{found.segment}", which assigns to {found.to}?', yes)
        gone = assignments.delete(store, f"#{found.id}", now=context.now(), actor=context.actor())
    output.note(f'deleted the rule of "{gone.segment}"; conversations stay as they are')


@app.command("test")
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


@app.command()
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


@app.command()
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


# ---------------------------------------------------------------- parts


def _row(view: "RuleView") -> dict[str, Any]:
    return {
        "position": view.position,
        "id": view.id,
        "segment": view.segment,
        "segment_id": view.segment_id,
        "member": view.member,
        "group": view.group,
        "to": view.to,
        "enabled": view.enabled,
        "description": view.description,
        "created_at": view.created_at,
        "modified_at": view.modified_at,
    }


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


def _print(view: "RuleView", output_format: Format) -> None:
    if output_format is not Format.TABLE:
        output.show_one(_row(view), DETAILS, output_format)


def _switch(rule: str, *, enabled: bool) -> None:
    from segctl.services import assignments

    with context.store() as store:
        view, changed = assignments.switch(
            store, rule, enabled=enabled, now=context.now(), actor=context.actor()
        )
    word = "enabled" if enabled else "disabled"
    output.note(f'the rule of "{view.segment}" is {word}' + ("" if changed else " already"))


def _refuse_two(contact: str | None, email: str | None) -> None:
    if (contact is None) == (email is None):
        raise UsageError("say which contact", hint="--contact ID or --email ADDRESS")
