"""The door: find the command, run it, turn a SegctlError into words and an exit code.

Importing the noun modules takes longer than most commands, so only the one that is called is
imported; the others are shown in `segctl --help` by the line in COMMANDS.
"""

from collections.abc import Sequence
from copy import copy
from importlib import import_module
import io
import os
from pathlib import Path
import signal
import sys
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from segctl import __version__
from segctl.cli import context, errors
from segctl.errors import ExitCode, SegctlError

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("init", "Make a store and a segctl.toml that names it."),
    "demo": ("demo", "Make a store of generated records and segments to try out."),
    "segments": ("segments", "Create, list, show, edit, delete segments; their members."),
    "view": ("view", "The records of the pinned segment, the default, or all."),
    "defaults": ("defaults", "The segment of each type that everybody sees first."),
    "pins": ("pins", "Each team member's own default segments."),
    "visibility": ("visibility", "Hide segments from team members and groups, for tidy lists."),
    "team": ("team", "Team members and groups."),
    "recalc": ("recalc", "Recalculate one segment, several, or all."),
    "intervals": ("intervals", "How often segments are recalculated, and when they are due."),
    "daemon": ("daemon", "Recalculate what is due, for as long as it runs."),
    "status": ("status", "Is a daemon alive; what runs, is late, failed or parked."),
    "top": ("top", "The status, live."),
    "retry": ("retry", "Have failed and parked segments tried again."),
    "hooks": ("hooks", "Commands and webhooks that hear who entered and left."),
    "cancel": ("cancel", "Stop a running recalculation."),
    "changes": ("changes", "The feed of who entered and who left, from any place on."),
    "undo": ("undo", "Take a run back, and all later ones of its segment."),
    "preview": ("preview", "Count and show what a condition matches; store nothing."),
    "conditions": ("conditions", "Check conditions and print them in their canonical form."),
    "why": ("why", "Why a record is in a segment, or not."),
    "overlap": ("overlap", "What segments have in common: all intersections, counted."),
    "impact": ("impact", "What refers to an attribute or a segment."),
    "doctor": ("doctor", "Find what is wrong or odd, say how to mend it."),
    "records": ("records", "Import, show, list, change, delete and export records."),
    "events": ("events", "Import, list and export the events of contacts."),
    "attributes": ("attributes", "The attributes of each object type, standard and custom."),
    "audit": ("audit", "Who changed what through segctl, and when."),
    "assignments": ("assignments", "Rules: which contact segment's chats go to whom."),
    "conversations": ("conversations", "Chats of contacts, assigned the moment they are opened."),
    "workspace": ("workspace", "Settings that change members: timezone, limits, retention."),
    "serve": ("serve", "Serve conversations, segments and members over HTTP."),
    "store": ("store", "Check, upgrade and back up the store."),
    "config": ("config", "The settings of this process and where each comes from."),
}
"""Command: its module in this package and its line in `segctl --help`.

A module that holds `app` is a noun with verbs; one that holds `command` is a command by itself.
"""


GLOBAL = ("config", "store", "actor", "quiet", "verbose", "no_color")
"""The options of segctl itself that every command takes as well."""


class PipeClosed(Exception):
    """The reader of stdout has gone, as `segctl … | head` does."""


class Commands(TyperGroup):
    """Imports a command's module when the command is resolved, and not before."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] in COMMANDS:
            self.load(args[0])
        return super().resolve_command(ctx, args)

    def load(self, name: str) -> Any:
        """Put the real command in the place of its line; it takes the global options too."""
        module_name, help = COMMANDS[name]
        module = import_module(f"segctl.cli.{module_name}")
        app = typer.Typer(rich_markup_mode=None, add_completion=False)
        app.callback()(_nothing)
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name, help=help, no_args_is_help=True)
        else:
            app.command(name)(module.command)
        group = typer.main.get_command(app)
        assert isinstance(group, TyperGroup)
        command = group.commands[name]
        self._accept_global_options(command)
        self.commands[name] = command
        return command

    def _accept_global_options(self, command: Any) -> None:
        """Let `segctl segments list --store X` say what `segctl --store X segments list` says."""
        if isinstance(command, TyperGroup):
            for verb in command.commands.values():
                self._accept_global_options(verb)
            return
        taken = {word for parameter in command.params for word in parameter.opts}
        for parameter in self.params:
            if parameter.name in GLOBAL and taken.isdisjoint(parameter.opts):
                late: Any = copy(parameter)
                late.hidden, late.expose_value, late.callback = True, False, _late
                command.params.append(late)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            # Typer would end every broken pipe with 1, as if something had failed.
            raise PipeClosed from error


def _nothing() -> None:
    """Stands for a command that is not loaded."""


def _late(ctx: Any, parameter: Any, value: Any) -> Any:
    """Take over a global option that stands after the command; it beats one before it."""
    if value and not ctx.resilient_parsing:
        context.current().set(parameter.name, Path(value) if parameter.name == "config" else value)
    return value


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"segctl {__version__}\n")
        raise typer.Exit


def application() -> typer.Typer:
    """The Typer app: the global options, and a line for each command."""
    app = typer.Typer(
        name="segctl",
        cls=Commands,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        epilog="Each command has its own help: segctl segments create --help.",
    )

    @app.callback()
    def segctl(
        config: Annotated[
            Path | None,
            typer.Option(
                "--config",
                metavar="FILE",
                help="The config file; default: the nearest segctl.toml.",
            ),
        ] = None,
        store: Annotated[
            str | None,
            typer.Option(
                "--store", metavar="URL", help="The store: a path, sqlite:///path or postgresql://…"
            ),
        ] = None,
        actor: Annotated[
            str | None,
            typer.Option(
                "--actor", metavar="NAME", help="Who makes the change, for the audit trail."
            ),
        ] = None,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only data and errors.")] = False,
        verbose: Annotated[
            int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Say more.")
        ] = 0,
        no_color: Annotated[
            bool, typer.Option("--no-color", help="No colours on a terminal.")
        ] = False,
        version: Annotated[
            bool,
            typer.Option(
                "--version", callback=_version, is_eager=True, help="Print the version and stop."
            ),
        ] = False,
    ) -> None:
        """Keep the segments of a CRM workspace: who is in them, and how fresh that is."""
        run = context.current()
        run.config, run.store, run.actor = config, store, actor
        run.quiet, run.verbose, run.no_color = quiet, verbose, no_color or None

    for name, (_, help) in COMMANDS.items():
        app.command(name, help=help)(_nothing)
    return app


def commands() -> Commands:
    """The whole tree of commands, all of them imported; for the docs and the tests."""
    group = typer.main.get_command(application())
    assert isinstance(group, Commands)
    for name in COMMANDS:
        group.load(name)
    return group


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with what it says."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def run(argv: Sequence[str]) -> int:
    """Run one command; the exit code. A bug raises."""
    call = context.begin()
    for stream in (sys.stdout, sys.stderr):
        # Data is UTF-8 whatever the locale; a name that it cannot say must not end a listing.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    command = typer.main.get_command(application())
    try:
        code = command.main(list(argv), prog_name="segctl", standalone_mode=False)
        sys.stdout.flush()
        if call.stopped_by:
            return errors.stopped(call.stopped_by)
        return code if isinstance(code, int) else ExitCode.OK
    except SegctlError as error:
        # A database that a signal stopped complains before the signal's own exception is seen.
        return errors.stopped(call.stopped_by) if call.stopped_by else errors.report(error, argv)
    except typer.TyperException as error:
        return errors.report(errors.usage(error), argv)
    except KeyboardInterrupt:
        return errors.stopped(call.stopped_by or signal.SIGINT)
    except typer.Abort:
        return ExitCode.FAILED
    except (PipeClosed, BrokenPipeError):
        # Python would complain about the unflushed rest when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return ExitCode.BROKEN_PIPE


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """Ctrl-C and SIGTERM unwind like any error: transactions roll back, leases are given up."""
    context.current().stopped_by = number
    raise KeyboardInterrupt
