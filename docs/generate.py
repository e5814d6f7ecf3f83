"""Write the pages that are made from the code: docs/cli.md and docs/exit-codes.md.

`make docs` runs it; a test fails if a page is not what it would write now.
"""

import ast
from collections.abc import Iterator
from contextlib import redirect_stdout
import inspect
import io
import os
from pathlib import Path
from typing import Any

from segctl import errors
from segctl.cli.main import COMMANDS, commands, run
from segctl.errors import SegctlError

DOCS = Path(__file__).parent
NOTE = "<!-- Made from the code by docs/generate.py (make docs); do not edit. -->\n"


def pages() -> dict[str, str]:
    """The name and the text of each page."""
    return {"cli.md": cli(), "exit-codes.md": exit_codes()}


def cli() -> str:
    """Every command's own help, in the order of `segctl --help`."""
    text = [
        "# Commands\n",
        NOTE,
        "Every command takes the global options, before or after its name. What `-o json` writes "
        "is in [output.md](output.md), the exit codes are in [exit-codes.md](exit-codes.md).\n",
        _block(["--help"]),
    ]
    for name in COMMANDS:
        text.append(f"## segctl {name}\n")
        for words in verbs(name):
            if len(words) > 1:
                text.append(f"### segctl {' '.join(words)}\n")
            text.append(_block([*words, "--help"]))
    return "\n".join(text)


def verbs(name: str) -> Iterator[list[str]]:
    """The words of a command and of each command below it."""

    def below(words: list[str], command: Any) -> Iterator[list[str]]:
        yield words
        for verb, more in getattr(command, "commands", {}).items():
            yield from below([*words, verb], more)

    yield from below([name], commands().commands[name])


def help_of(words: list[str]) -> str:
    """What a command says with `--help`, 80 columns wide."""
    seen = io.StringIO()
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "80"
    try:
        with redirect_stdout(seen):
            run(words)
    finally:
        os.environ.pop("COLUMNS")
        if before is not None:
            os.environ["COLUMNS"] = before
    return seen.getvalue()


def _block(words: list[str]) -> str:
    return f"```\n$ segctl {' '.join(words)}\n{help_of(words)}```\n"


def exit_codes() -> str:
    """The exit codes, and the error codes of `-o json` that lead to each."""
    text = ["# Exit codes\n", NOTE]
    text += ["| exit code | means |", "|---|---|"]
    text += [f"| {code.value} | {meaning} |" for code, meaning in _meanings()]
    text += [
        "\nWork that failed, or was skipped because something stood in its way, never exits 0.\n",
        "## Error codes\n",
        "With `-o json` (or `ndjson`) an error is one JSON object on stderr: "
        '`{"error": {"code": …, "message": …, "hint": …}}`, with more fields where the error has '
        "some. `code` is one of these and does not change:\n",
        "| code | exit code | means |",
        "|---|---|---|",
    ]
    text += [
        f"| `{kind.code}` | {kind.exit_code.value} | {_first_line(kind)} |" for kind in _kinds()
    ]
    return "\n".join(text) + "\n"


def _meanings() -> Iterator[tuple[errors.ExitCode, str]]:
    """Each exit code with the string that stands below it in the source."""
    source = ast.parse(inspect.getsource(errors.ExitCode)).body[0]
    assert isinstance(source, ast.ClassDef)
    for assignment, text in zip(source.body, source.body[1:], strict=False):
        match assignment, text:
            case ast.Assign(targets=[ast.Name(id=name)]), ast.Expr(
                value=ast.Constant(value=str(meaning))
            ):
                yield errors.ExitCode[name], meaning


def _kinds() -> list[type[SegctlError]]:
    found = [SegctlError]
    for kind in found:
        found.extend(kind.__subclasses__())
    mine = [kind for kind in found if kind.__module__ == errors.__name__ and "code" in vars(kind)]
    return sorted(mine, key=lambda kind: (kind.exit_code, kind.code))


def _first_line(kind: type[SegctlError]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").splitlines()[0]


def main() -> None:
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
