"""`segctl team members`: who works here."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.catalog import PLURALS
from segctl.cli import context, output
from segctl.cli.importing import (
    DelimiterOption,
    DryRunOption,
    EncodingOption,
    standard_input,
)
from segctl.cli.options import ForceOption, OutputOption, YesOption
from segctl.cli.output import Column, Format
from segctl.errors import FileError

if TYPE_CHECKING:
    from segctl.services.team_import import TeamImport
    from segctl.services.team_members import MemberDetails, MemberView

app = typer.Typer()

COLUMNS = (
    Column("email", "E-mail"),
    Column("name", "Name"),
    Column("role", "Role"),
    Column("active", "Active", kind="bool"),
    Column("groups", "Groups", kind="list"),
)
DETAILS = (
    Column("id", "Id"),
    *COLUMNS,
    Column("created_at", "Created", kind="time"),
    Column("manages", "Manages", kind="list"),
    Column("pins", "Pins", kind="list"),
    Column("hidden", "Hidden from them", kind="list"),
    Column("rules", "Assignment rules", kind="list"),
    Column("open_conversations", "Open conversations", kind="number"),
    Column("closed_conversations", "Closed conversations", kind="number"),
    Column("assigned", "Assigned to them", kind="list"),
)
IMPORTED = (
    Column("source", "File"),
    Column("rows", "Rows read", kind="number"),
    Column("created", "Created", kind="number"),
    Column("updated", "Updated", kind="number"),
    Column("unchanged", "Unchanged", kind="number"),
    Column("rejected", "Rejected", kind="number"),
)

WhoArgument = Annotated[
    str, typer.Argument(metavar="WHO", help="The team member, by e-mail address, name or #id.")
]
RoleOption = Annotated[
    str | None,
    typer.Option(
        "--role", metavar="ROLE", help="agent or manager; nothing is hidden from managers."
    ),
]
EmailArgument = Annotated[
    str, typer.Argument(metavar="EMAIL", help="The address; case does not matter.")
]


@app.command()
def add(
    email: EmailArgument,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The person's name.")] = "",
    role: RoleOption = None,
    group: Annotated[
        list[str] | None,
        typer.Option("--group", metavar="GROUP", help="A group to be in; repeatable."),
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Add a team member.

    Example: segctl team members add anna@example.com --name "Anna Lis" --group Sales
    """
    from segctl.services import team_members

    with context.store() as store:
        made = team_members.add_member(
            store,
            email,
            name=name,
            role=role or "agent",
            groups=group or (),
            now=context.now(),
            actor=context.actor(),
        )
    output.note(f"added {made.email}, {made.role}")
    _print(made, output_format)


@app.command("list")
def list_(
    group: Annotated[
        str | None, typer.Option("--group", metavar="GROUP", help="Only those of this group.")
    ] = None,
    role: RoleOption = None,
    active: Annotated[
        bool | None,
        typer.Option("--active/--inactive", help="Only those who are, or are not, deactivated."),
    ] = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List team members.

    Example: segctl team members list --group Sales
    """
    from segctl.services import team_members

    with context.store() as store:
        found = team_members.list_members(store, group=group, role=role, active=active)
    output.show(map(_row, found), COLUMNS, output_format)


@app.command()
def show(who: WhoArgument, output_format: OutputOption = Format.TABLE) -> None:
    """Show a team member and all that refers to them.

    Example: segctl team members show anna@example.com
    """
    from segctl.services import team_members

    with context.store() as store:
        details = team_members.show_member(store, who)
    row = _details(details)
    if output_format is not Format.TABLE:
        output.show_one(row, DETAILS, output_format)
        return
    row["assigned"] = [
        f"{number:,} {type.value if number == 1 else PLURALS[type]}"
        for type, number in details.references.records.items()
    ]
    output.show_one(
        row, [c for c in DETAILS if row[c.key] not in (None, "", [], 0) or c.key == "active"]
    )


@app.command()
def edit(
    who: WhoArgument,
    email: Annotated[
        str | None, typer.Option("--email", metavar="EMAIL", help="The new address.")
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The person's name.")
    ] = None,
    role: RoleOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Change a team member's address, name or role.

    Example: segctl team members edit anna@example.com --role manager
    """
    from segctl.services import team_members

    with context.store() as store:
        done = team_members.edit_member(
            store, who, email=email, name=name, role=role, now=context.now(), actor=context.actor()
        )
    output.note(f"{'changed' if done.changed else 'nothing changes for'} {done.member.email}")
    for type, number in done.left_behind.items():
        output.warn(
            f"the assignee of {number:,} {type.value if number == 1 else PLURALS[type]} is still "
            f"{done.old_email}"
        )
    _print(done.member, output_format)


@app.command()
def deactivate(who: WhoArgument) -> None:
    """Keep a team member, but give them no more chats.

    Assignment rules and groups skip them from now on; what is theirs stays theirs.

    Example: segctl team members deactivate anna@example.com
    """
    from segctl.services import team_members

    with context.store() as store:
        details, changed = team_members.set_active(
            store, who, False, now=context.now(), actor=context.actor()
        )
    email, there = details.member.email, details.references
    output.note(f"{email} is deactivated{'' if changed else ' already'} and gets no chats")
    for rule in there.rules:
        output.note(f"assignment rule {rule} is skipped")
    if there.open_conversations:
        output.note(f"{there.open_conversations:,} open conversations stay theirs")


@app.command()
def activate(who: WhoArgument) -> None:
    """Undo `deactivate`.

    Example: segctl team members activate anna@example.com
    """
    from segctl.services import team_members

    with context.store() as store:
        details, changed = team_members.set_active(
            store, who, True, now=context.now(), actor=context.actor()
        )
    output.note(f"{details.member.email} is active{' again' if changed else ' already'}")


@app.command()
def remove(who: WhoArgument, force: ForceOption = False, yes: YesOption = False) -> None:
    """Remove a team member.

    Refused while something names them: a pin, an assignment rule, a group, what is hidden from
    them, a conversation, or records whose assignee is their address. --force clears all of that,
    and says what it clears; records and conversations themselves stay.

    Example: segctl team members remove anna@example.com --force --yes
    """
    from segctl.services import team_members
    from segctl.services.team_references import refuse_used

    with context.store() as store:
        details = team_members.show_member(store, who)
        email, there = details.member.email, details.references
        if not force:
            # Refused before anybody is asked.
            refuse_used(email, there, instead=team_members.INSTEAD)
        also = f" This {', '.join(there.clearing)}." if there else ""
        output.confirm(f"Remove {email}?{also}", yes)
        gone = team_members.remove_member(
            store, f"#{details.member.id}", force=force, now=context.now(), actor=context.actor()
        )
    output.note(f"removed {email}")
    for act in gone.references.clearing:
        output.note(f"this {act}")


@app.command("import")
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The CSV file; - is stdin.")],
    create_groups: Annotated[
        bool, typer.Option("--create-groups", help="Create groups that there are not.")
    ] = False,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    dry_run: DryRunOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Add and update team members from a CSV file, all or none.

    Its columns are email, name, role, active and groups (separated by semicolons). An address
    that is known is updated. An empty cell changes nothing; a cell of groups names all groups
    that the team member is in.

    Example: segctl team members import people.csv --create-groups
    """
    from segctl.services.team_import import import_members

    now, actor = context.now(), context.actor()
    with context.store() as store:
        done = import_members(
            store,
            file,
            stdin=standard_input(file),
            encoding=encoding,
            delimiter=delimiter,
            create_groups=create_groups,
            dry_run=dry_run,
            now=now,
            actor=actor,
        )
    _report(done, output_format)


def _report(done: "TeamImport", output_format: Format) -> None:
    if done.ignored_columns:
        output.note("ignored columns: " + ", ".join(done.ignored_columns))
    if done.created_groups:
        made = "created" if done.stored else "would create"
        output.note(f"{made} the groups: " + ", ".join(done.created_groups))
    if done.dry_run:
        output.note("a dry run: nothing was kept")
    rejections = [
        {"line": r.line, "column": r.column, "value": r.value, "reason": r.reason, "hint": r.hint}
        for r in done.rejections
    ]
    row = {
        "source": done.source,
        "rows": done.rows,
        "created": done.created,
        "updated": done.updated,
        "unchanged": done.unchanged,
        "rejected": done.rejected,
        "rejections": rejections,
        "created_groups": list(done.created_groups),
        "ignored_columns": list(done.ignored_columns),
        "dry_run": done.dry_run,
        "stored": done.stored,
    }
    if output_format is not Format.TABLE or not done.rejected:
        output.show_one(row, IMPORTED, output_format)
    if not done.rejected:
        return
    lines = [
        f"line {r.line}{'' if r.column is None else f', column {r.column}'}: {r.reason}"
        + ("" if r.hint is None else f" ({r.hint})")
        for r in done.rejections
    ]
    more = done.rejected - len(lines)
    raise FileError(
        f"{done.rejected:,} of {done.rows:,} rows of {done.source} are rejected, so nothing was "
        "imported:\n  " + "\n  ".join([*lines, *([f"and {more:,} more"] if more else [])]),
        rejected=done.rejected,
        rejections=rejections,
    )


def _print(member: "MemberView", output_format: Format) -> None:
    if output_format is not Format.TABLE:
        output.show_one(_row(member), COLUMNS, output_format)


def _row(member: "MemberView") -> dict[str, Any]:
    return {
        "id": member.id,
        "email": member.email,
        "name": member.name,
        "role": member.role.value,
        "active": member.active,
        "groups": list(member.groups),
        "created_at": member.created_at,
    }


def _details(details: "MemberDetails") -> dict[str, Any]:
    there = details.references.plain
    assigned = there.pop("assigned_records")
    del there["groups"]
    return {**_row(details.member), **there, "assigned": assigned}
