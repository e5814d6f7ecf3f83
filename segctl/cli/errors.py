"""What a person, or a program with `-o json`, is told about an error."""

from collections.abc import Sequence
import json
import re
import sys
from typing import Any

from segctl.cli import context
from segctl.cli.output import Format, visible
from segctl.errors import ConditionError, SegctlError, UsageError


def report(error: SegctlError, argv: Sequence[str]) -> int:
    """Say the error on stderr; the exit code."""
    if wants_json(argv):
        text = json.dumps({"error": error.described}, ensure_ascii=False, default=str)
        sys.stderr.write(text + "\n")
        return error.exit_code
    sys.stderr.write(f"segctl: error: {visible(error.message, lines=True)}\n")
    if isinstance(error, ConditionError) and error.text:
        from segctl.conditions.carets import excerpt

        if shown := excerpt(error):
            sys.stderr.write(visible(shown, lines=True) + "\n")
    if error.hint:
        sys.stderr.write(f"hint: {visible(error.hint, lines=True)}\n")
    return error.exit_code


def usage(error: Any) -> UsageError:
    """Typer's own complaint about the words of a call, in the style of the house."""
    message = error.format_message().strip()
    if message.startswith("Usage: "):
        # A noun without its verb: the help is the answer.
        return UsageError(f"a command is missing\n\n{message}")
    place = getattr(error, "ctx", None)
    hint = f"{place.command_path} --help" if place is not None else None
    if found := _SUGGESTION.search(message):
        message = message[: found.start()]
        nearest = found[1].split(",")[0].strip().replace(_QUOTE, '"')
        hint = f"did you mean {nearest}?"
    message = message.rstrip(". ").replace(_QUOTE, '"')
    return UsageError(message[:1].lower() + message[1:], hint=hint)


_QUOTE = "'"
_SUGGESTION = re.compile(r"\s*(?:Did you mean |\(Possible options: )(.+?)[?)]*\s*$", re.DOTALL)


def stopped(number: int) -> int:
    """Say that a signal stopped the command; the exit code that shells expect of it."""
    if not context.quiet():
        sys.stderr.write("segctl: interrupted\n")
    return 128 + number


JSON = (Format.JSON, Format.NDJSON)


def wants_json(argv: Sequence[str]) -> bool:
    """Whether the call asks for JSON. An error may come before the options are understood."""
    words = list(argv)
    for index, word in enumerate(words):
        value = None
        if word in ("-o", "--output") and index + 1 < len(words):
            value = words[index + 1]
        elif word.startswith("--output="):
            value = word.removeprefix("--output=")
        elif word.startswith("-o") and not word.startswith("--"):
            value = word.removeprefix("-o").removeprefix("=")
        if value is not None:
            return value in JSON
    try:
        return context.settings().text("output") in JSON
    except SegctlError:
        return False
