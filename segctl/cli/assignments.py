"""`segctl assignments`: which contact segment's chats go to whom."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.assignment_trials import lint, simulate, try_contact
from segctl.cli.options import OutputOption, SegmentArgument, YesOption
from segctl.cli.output import Column, Format
from segctl.errors import SegctlError

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


app.command("test")(try_contact)
app.command()(lint)
app.command()(simulate)


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
