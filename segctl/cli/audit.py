"""`segctl audit`: who changed what, and when."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.catalog import PLURALS
from segctl.cli import context, output
from segctl.cli.options import LimitOption, OutputOption, moment
from segctl.cli.output import Column, Format
from segctl.errors import UsageError

if TYPE_CHECKING:
    from segctl.store.tables import AuditEntry

app = typer.Typer()

COLUMNS = (
    Column("id", "Id", kind="number"),
    Column("at", "When", kind="time"),
    Column("actor", "Who"),
    Column("action", "Action"),
    Column("subject_type", "What"),
    Column("subject", "Which"),
)
DETAILS = (*COLUMNS, Column("before", "Before"), Column("after", "After"))


@app.command("list")
def list_(
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only at this time or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="Only before this time.")
    ] = None,
    segment: Annotated[
        str | None,
        typer.Option(
            "--segment",
            metavar="SEGMENT",
            help="Only about this segment, under every name that it had.",
        ),
    ] = None,
    actor: Annotated[
        str | None, typer.Option("--actor", metavar="NAME", help="Only what NAME did.")
    ] = None,
    action: Annotated[
        str | None,
        typer.Option(
            "--action", metavar="VERB", help="Only this: create, edit, delete, rename, set, …"
        ),
    ] = None,
    type: Annotated[
        str | None,
        typer.Option(
            "--type",
            metavar="NOUN",
            help="Only about things of this kind: segment, attribute, contact, workspace, …",
        ),
    ] = None,
    limit: LimitOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List the changes that were made through segctl, the newest first.

    A TIME may be an age, such as 7d or 12h. A segment of a name that several types have is
    written "contact/Name".

    Example: segctl audit list --since 7d --segment "Big deals"
    """
    from segctl.services import audit_log, filters

    with context.store() as store:
        now, zone = context.now(), filters.workspace_zone(store)
        wanted = audit_log.AuditFilter(
            since=moment("--since", since, now, zone),
            until=moment("--until", until, now, zone),
            segment=segment,
            actor=actor,
            action=action,
            subject_type=None if type is None else _noun(type),
        )
        if output_format is Format.COUNT and limit is None:
            output.line(str(audit_log.count_entries(store, wanted)))
            return
        with audit_log.list_entries(store, wanted, limit=limit) as entries:
            output.show(map(_row, entries), COLUMNS, output_format, now=now)


@app.command()
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="The entry's number, as listed.")],
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show one change with what was before and after.

    Example: segctl audit show 12
    """
    from segctl.services import audit_log

    number = id.removeprefix("#")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise UsageError(f'"{id}" is not the number of an entry', hint="segctl audit list")
    with context.store() as store:
        row = _row(audit_log.show(store, int(number)))
    output.show_one(row, DETAILS, output_format)


def _noun(word: str) -> str:
    """A kind of thing as entries write it: in the singular."""
    noun = word.strip().lower()
    return next((str(t) for t, many in PLURALS.items() if many == noun), noun.removesuffix("s"))


def _row(entry: "AuditEntry") -> dict[str, Any]:
    from segctl.services.audit_log import plain

    return plain(entry)
