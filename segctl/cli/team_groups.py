"""`segctl team groups`: team members together."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import ForceOption, OutputOption, YesOption
from segctl.cli.output import Column, Format

if TYPE_CHECKING:
    from segctl.services.team_groups import GroupView

app = typer.Typer()

COLUMNS = (
    Column("name", "Name"),
    Column("manager", "Manager"),
    Column("members", "Members", kind="list"),
    Column("active", "Active", kind="number"),
    Column("strategy", "Strategy", empty="workspace"),
    Column("description", "Description"),
)
LISTED = (
    Column("name", "Name"),
    Column("size", "Members", kind="number"),
    Column("active", "Active", kind="number"),
    Column("manager", "Manager"),
    Column("strategy", "Strategy", empty="workspace"),
    Column("description", "Description"),
)
"""A table has no room for all the addresses."""
DETAILS = (
    Column("id", "Id"),
    *COLUMNS,
    Column("created_at", "Created", kind="time"),
    Column("hidden", "Hidden from them", kind="list"),
    Column("rules", "Assignment rules", kind="list"),
    Column("open_conversations", "Open conversations", kind="number"),
    Column("closed_conversations", "Closed conversations", kind="number"),
)

GroupArgument = Annotated[
    str, typer.Argument(metavar="GROUP", help="The group, by name or #id; case does not matter.")
]
MembersArgument = Annotated[
    list[str],
    typer.Argument(metavar="WHO...", help="Team members, by e-mail address, name or #id."),
]
ManagerOption = Annotated[
    str | None,
    typer.Option("--manager", metavar="WHO", help="Who leads it; an empty text: nobody."),
]
StrategyOption = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        metavar="STRATEGY",
        help="Which member gets a chat: round_robin, least_open or none; an empty text: as the "
        "workspace says.",
    ),
]


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The group's name.")],
    description: Annotated[
        str, typer.Option("--description", metavar="TEXT", help="What it is for.")
    ] = "",
    manager: ManagerOption = None,
    strategy: StrategyOption = None,
    member: Annotated[
        list[str] | None,
        typer.Option("--member", metavar="WHO", help="A team member to be in it; repeatable."),
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Create a group.

    Example: segctl team groups create Sales --manager anna@example.com
    """
    from segctl.services import team_groups

    with context.store() as store:
        made = team_groups.create_group(
            store,
            name,
            description=description,
            manager=manager,
            strategy=strategy or "",
            members=member or (),
            now=context.now(),
            actor=context.actor(),
        )
    output.note(f'created the group "{made.name}"')
    _print(made, output_format)


@app.command("list")
def list_(
    member: Annotated[
        str | None,
        typer.Option("--member", metavar="WHO", help="Only those that this person is in."),
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List groups.

    Example: segctl team groups list
    """
    from segctl.services import team_groups

    with context.store() as store:
        found = team_groups.list_groups(store, member=member)
    columns = LISTED if output_format is Format.TABLE else COLUMNS
    output.show(map(_row, found), columns, output_format)


@app.command()
def show(group: GroupArgument, output_format: OutputOption = Format.TABLE) -> None:
    """Show a group and all that refers to it.

    Example: segctl team groups show Sales
    """
    from segctl.services import team_groups

    with context.store() as store:
        details = team_groups.show_group(store, group)
    there = details.references.plain
    names = ("hidden", "rules", "open_conversations", "closed_conversations")
    row = {**_row(details.group), **{name: there[name] for name in names}}
    if output_format is not Format.TABLE:
        output.show_one(row, DETAILS, output_format)
        return
    output.show_one(row, [c for c in DETAILS if row[c.key] not in (None, "", [], 0) or c.empty])


@app.command()
def edit(
    group: GroupArgument,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The group's new name.")
    ] = None,
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="What it is for.")
    ] = None,
    manager: ManagerOption = None,
    strategy: StrategyOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Change a group's name, description, manager or strategy.

    Example: segctl team groups edit Sales --strategy least_open
    """
    from segctl.services import team_groups

    with context.store() as store:
        made, changed = team_groups.edit_group(
            store,
            group,
            name=name,
            description=description,
            manager=manager,
            strategy=strategy,
            now=context.now(),
            actor=context.actor(),
        )
    output.note(f'{"changed" if changed else "nothing changes for"} the group "{made.name}"')
    _print(made, output_format)


@app.command()
def delete(group: GroupArgument, force: ForceOption = False, yes: YesOption = False) -> None:
    """Delete a group; its members stay team members.

    Refused while an assignment rule, a conversation or what is hidden from it names it; --force
    clears that, and says what it clears.

    Example: segctl team groups delete Sales --yes
    """
    from segctl.services import team_groups
    from segctl.services.team_references import refuse_used

    with context.store() as store:
        details = team_groups.show_group(store, group)
        name, there = details.group.name, details.references
        if not force:
            # Refused before anybody is asked.
            refuse_used(name, there)
        also = f" This {', '.join(there.clearing)}." if there else ""
        members = len(details.group.members)
        of = f" of {members:,} team member{'' if members == 1 else 's'}" if members else ""
        output.confirm(f'Delete the group "{name}"{of}?{also}', yes)
        gone = team_groups.delete_group(
            store, f"#{details.group.id}", force=force, now=context.now(), actor=context.actor()
        )
    output.note(f'deleted the group "{name}"; its members stay team members')
    for act in gone.references.clearing:
        output.note(f"this {act}")


@app.command()
def add(group: GroupArgument, members: MembersArgument) -> None:
    """Put team members into a group.

    Example: segctl team groups add Sales anna@example.com ben@example.com
    """
    from segctl.services import team_groups

    with context.store() as store:
        made, changed = team_groups.add_to_group(
            store, group, members, now=context.now(), actor=context.actor()
        )
    _say(made, changed)


@app.command()
def remove(group: GroupArgument, members: MembersArgument) -> None:
    """Take team members out of a group.

    Example: segctl team groups remove Sales anna@example.com
    """
    from segctl.services import team_groups

    with context.store() as store:
        made, changed = team_groups.remove_from_group(
            store, group, members, now=context.now(), actor=context.actor()
        )
    _say(made, changed)


def _say(group: "GroupView", changed: bool) -> None:
    if not changed:
        output.note("nothing changes")
    number = len(group.members)
    output.note(f'"{group.name}" has {number:,} member{"" if number == 1 else "s"}')


def _print(group: "GroupView", output_format: Format) -> None:
    if output_format is not Format.TABLE:
        output.show_one(_row(group), COLUMNS, output_format)


def _row(group: "GroupView") -> dict[str, Any]:
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "manager": group.manager,
        "strategy": group.strategy,
        "members": list(group.members),
        "active": group.active,
        "created_at": group.created_at,
        "size": len(group.members),
    }
