"""`segctl records erase`: forget a person or another record."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption, TypeArgument, YesOption
from segctl.cli.output import Column, Format

if TYPE_CHECKING:
    from segctl.services.erasure import Erased

COLUMNS = (
    Column("type", "Type"),
    Column("id", "Id", kind="number"),
    Column("records", "Records", kind="number"),
    Column("items", "Items", kind="number"),
    Column("relations", "Relations emptied", kind="number"),
    Column("memberships", "Memberships", kind="number"),
    Column("changes", "Member changes", kind="number"),
    Column("events", "Events", kind="number"),
    Column("conversations", "Conversations", kind="number"),
    Column("audit_entries", "Audit entries emptied", kind="number"),
    Column("segments", "Segments it left", kind="list"),
    Column("mentioned_by", "Segments that name it", kind="list"),
)


def erase(
    type: TypeArgument,
    ref: Annotated[
        str, typer.Argument(metavar="RECORD", help="The record: its external id, or #id.")
    ],
    vacuum: Annotated[
        bool,
        typer.Option("--vacuum", help="Rewrite the store too, so that no file keeps old copies."),
    ] = False,
    yes: YesOption = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Forget a record: values, history, events, conversations, audit.

    Its relations become empty, its segments count one member less at once, and the audit log keeps
    one entry that says that it was done, without any value. There is no way back.

    Example: segctl records erase contact anna@example.com --yes
    """
    from segctl.services import erasure

    with context.store() as store:
        name = erasure.find(store, type, ref)
        output.confirm(f"Forget the {type} {name} for good?", yes)
        done = erasure.erase(
            store, type, ref, vacuum=vacuum, now=context.now(), actor=context.actor()
        )
        _talk(done, store.dialect, vacuum)
    output.show_one(_row(done), COLUMNS, output_format)


def _talk(done: "Erased", dialect: str, vacuum: bool) -> None:
    output.note(f"erased the {done.type} #{done.id}")
    if done.mentioned_by:
        named = ", ".join(f'"{name}"' for name in done.mentioned_by)
        output.warn(f"the condition or description of {named} names it: segctl segments edit")
    if dialect == "sqlite" and not done.log_emptied:
        output.warn(
            "other processes are reading the store, so its -wal file still holds old pages: "
            "segctl store check later, or stop them"
        )
    if not vacuum:
        output.note(
            "what earlier changes of it left in freed pages goes with --vacuum"
            if dialect == "sqlite"
            else "the server frees the deleted rows at its next VACUUM; --vacuum does it at once"
        )


def _row(done: "Erased") -> dict[str, Any]:
    return {
        "type": done.type.value,
        "id": done.id,
        **asdict(done.forgotten),
        "segments": list(done.segments),
        "mentioned_by": list(done.mentioned_by),
    }
