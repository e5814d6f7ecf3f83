"""`segctl conversations`: chats of contacts, assigned the moment they are opened."""

from typing import TYPE_CHECKING, Annotated

import typer

from segctl.cli import context, output
from segctl.cli.conversation_tables import (
    COLUMNS,
    DETAILS,
    STEPS,
    assignee,
    conversation_row,
    opened_row,
    step_rows,
)
from segctl.cli.options import AtOption, LimitOption, OutputOption, duration, moment
from segctl.cli.output import Format
from segctl.errors import UsageError

if TYPE_CHECKING:
    from segctl.services.conversation_views import ConversationView

app = typer.Typer()

ConversationArgument = Annotated[
    str,
    typer.Argument(
        metavar="CONVERSATION", help="The conversation: the chat's own id of it, or #id."
    ),
]
ContactOption = Annotated[
    str | None, typer.Option("--contact", metavar="ID", help="The contact's external id, or #id.")
]
EmailOption = Annotated[
    str | None, typer.Option("--email", metavar="ADDRESS", help="The contact's address.")
]


@app.command("open")
def open_(
    contact: ContactOption = None,
    email: EmailOption = None,
    channel: Annotated[
        str, typer.Option("--channel", metavar="NAME", help="Where it takes place.")
    ] = "chat",
    external_id: Annotated[
        str | None,
        typer.Option(
            "--external-id",
            metavar="ID",
            help="The chat's own id of it; opened again, it is the same conversation.",
        ),
    ] = None,
    create_contact: Annotated[
        bool,
        typer.Option("--create-contact", help="Make a contact of status visitor if there is none."),
    ] = False,
    stdin: Annotated[
        bool,
        typer.Option(
            "--stdin", help="Read one JSON object a line and answer each with one; see the docs."
        ),
    ] = False,
    at: AtOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Open a conversation and assign it by the rules.

    That happens at this moment, in one transaction, and never later.

    With --stdin a program keeps one process: a line such as {"email": "anna@example.com"}, with
    contact, email, channel, external_id, at and create, is answered when it is committed.

    Example: segctl conversations open --contact c-17 --external-id chat-5501
    """
    if stdin:
        from segctl.cli.conversation_stream import run

        if (contact, email, external_id, at, create_contact) != (None, None, None, None, False):
            raise UsageError("with --stdin the lines say all that there is to say")
        if output_format not in (Format.TABLE, Format.NDJSON):
            raise UsageError("--stdin answers in ndjson", hint="-o ndjson")
        run()
        return
    from segctl.services import conversations
    from segctl.services.filters import workspace_zone

    with context.store() as store:
        now = context.now()
        request = conversations.OpenRequest(
            contact=contact,
            email=email,
            channel=channel,
            external_id=external_id,
            at=None if at is None else context.now(at, workspace_zone(store)),
            create=create_contact,
        )
        opened = conversations.open_conversation(store, request, now=now, actor=context.actor())
    view = opened.conversation
    if output_format is not Format.TABLE:
        output.show_one(opened_row(opened), DETAILS, output_format)
    else:
        output.show_one(conversation_row(view), _shown(view))
    if not opened.created:
        output.note(f"the conversation {view.id} was open before; nothing was changed")
    for step in opened.skipped:
        output.warn(f'the rule of "{step["segment"]}" was skipped: {step["reason"]}')
    if opened.created and not view.assigned:
        output.warn(
            f"nobody was given the conversation {view.id}: no rule could assign it; "
            f"segctl conversations show {view.id} says why"
        )


@app.command("list")
def list_(
    open_only: Annotated[
        bool | None, typer.Option("--open/--closed", help="Only those that are open, or closed.")
    ] = None,
    member: Annotated[
        str | None,
        typer.Option("--assignee", metavar="MEMBER", help="Only those of this team member."),
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", metavar="GROUP", help="Only those of this group.")
    ] = None,
    unassigned: Annotated[
        bool, typer.Option("--unassigned", help="Only those that nobody was given.")
    ] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only those opened since then.")
    ] = None,
    contact: ContactOption = None,
    email: EmailOption = None,
    limit: LimitOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """List conversations, the newest first.

    A TIME may be an age, such as 7d or 12h.

    Example: segctl conversations list --open --unassigned --since 7d
    """
    from segctl.services import conversation_views
    from segctl.services.filters import workspace_zone

    with context.store() as store:
        now, zone = context.now(), workspace_zone(store)
        wanted = conversation_views.Wanted(
            open=open_only,
            member=member,
            group=group,
            unassigned=unassigned,
            since=moment("--since", since, now, zone),
            contact=contact,
            email=email,
        )
        with conversation_views.list_conversations(store, wanted, limit=limit) as found:
            output.show(map(conversation_row, found), COLUMNS, output_format, zone=zone, now=now)


@app.command()
def show(conversation: ConversationArgument, output_format: OutputOption = Format.TABLE) -> None:
    """Show a conversation, and why it was given to whom.

    Example: segctl conversations show chat-5501
    """
    from segctl.services import conversation_views

    with context.store() as store:
        view = conversation_views.show(store, conversation)
    row = conversation_row(view)
    if output_format is not Format.TABLE:
        trace = [dict(step) for step in view.trace]
        output.show_one({**row, "trace": trace}, DETAILS, output_format)
        return
    output.show_one(row, _shown(view))
    if view.trace:
        output.line("")
        output.show(step_rows(view.trace), STEPS)


@app.command()
def close(conversation: ConversationArgument, output_format: OutputOption = Format.TABLE) -> None:
    """Close a conversation.

    It no longer counts as open for whoever has it.

    Example: segctl conversations close chat-5501
    """
    from segctl.services import conversation_changes

    with context.store() as store:
        view, changed = conversation_changes.close(
            store, conversation, now=context.now(), actor=context.actor()
        )
    output.note(f"the conversation {view.id} is closed" + ("" if changed else " already"))
    if output_format is not Format.TABLE:
        output.show_one(conversation_row(view), DETAILS, output_format)


@app.command()
def reassign(
    conversation: ConversationArgument,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="WHO",
            help="A team member (address or name) or a group; member:WHO and group:WHO say which.",
        ),
    ],
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Give a conversation to somebody else. A group picks a member by its strategy.

    Example: segctl conversations reassign chat-5501 --to anna@example.com
    """
    from segctl.services import conversation_changes

    with context.store() as store:
        view, changed = conversation_changes.reassign(
            store, conversation, to, now=context.now(), actor=context.actor()
        )
    who = assignee(view.member, view.group)
    output.note(f"the conversation {view.id} is with {who}" + ("" if changed else " already"))
    if output_format is not Format.TABLE:
        output.show_one(conversation_row(view), DETAILS, output_format)


@app.command()
def sweep(
    unassigned: Annotated[
        bool, typer.Option("--unassigned", help="Only those that nobody was given.")
    ] = False,
    max_age: Annotated[
        str, typer.Option("--max-age", metavar="DURATION", help="Leave older ones alone.")
    ] = "7d",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be assigned; store nothing.")
    ] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Apply the rules to open conversations that nobody was given. Nothing else ever does.

    The conditions are evaluated as of now.

    Example: segctl conversations sweep --unassigned --max-age 7d --dry-run
    """
    from segctl.services import conversation_changes

    if not unassigned:
        raise UsageError("say what to sweep", hint="segctl conversations sweep --unassigned")
    with context.store() as store, output.progress("Sweeping conversations") as advance:
        swept = conversation_changes.sweep(
            store,
            max_age=duration(max_age),
            dry_run=dry_run,
            now=context.now(),
            actor=context.actor(),
            progress=advance,
        )
    done = [conversation_row(each.conversation) for each in swept if each.assigned]
    output.show(done, COLUMNS, output_format)
    left = len(swept) - len(done)
    word = "would be assigned" if dry_run else "assigned"
    output.note(f"{len(done):,} {word}; {left:,} stay unassigned")


def _shown(view: "ConversationView") -> list[output.Column]:
    row = conversation_row(view)
    return [column for column in DETAILS if row[column.key] is not None]
