"""Write the pages that are made from the code: docs/cli.md, exit-codes.md and doctor.md.

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
from segctl.services.doctor.codes import CODES, Level

DOCS = Path(__file__).parent
NOTE = "<!-- Made from the code by docs/generate.py (make docs); do not edit. -->\n"


def pages() -> dict[str, str]:
    """The name and the text of each page."""
    return {"cli.md": cli(), "exit-codes.md": exit_codes(), "doctor.md": doctor()}


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


DOCTOR = """`segctl doctor` looks the store over and says what is wrong or odd, what that
means and which command mends it. It changes nothing, unless `--fix` says so.

```
segctl doctor                                # all findings, the most serious first
segctl doctor --fail-on error -o json        # for a monitor: exit code 6 from errors on
segctl doctor --fix                          # mend what is safe
segctl doctor --verify                       # compare stored members with the conditions, too
segctl doctor --verify --sample 1000 "VIP"   # about a thousand records of one segment
segctl doctor --sarif > doctor.sarif         # for code scanning
```

- It exits with 6 if something is found from the level of `--fail-on` on: `error`, `warning` (the
  default), `note` or `never`. `--level` says what is shown, `--ignore CODE` leaves findings out of
  both.
- **Safe** are the repairs of what can be told from the store again and takes no member from
  anybody. Each kind is one transaction and one entry in the audit log. Nothing is recalculated:
  that may set off hooks and assignments, so a person says it.
- **`--verify`** compares at the clock of each segment's last recalculation, so that the passing
  of time makes no difference. Records that were written since are left out. If other records
  that the condition reads were written since, or a segment that it refers to was counted,
  nothing is called drift. `--sample N` looks at about N records of each segment, at others each
  time.
- That a condition is **impossible** or always true, and that one **implies** another, is proven and
  never guessed; but not everything that is so is seen. Numbers, choices, exact and folded texts,
  lists, counts of events and of related records, fixed dates and forms that move with `now` are
  understood, each by itself. Not seen: one pattern against another, sums against counts, a fixed
  date against `now`, conditions of more than 200 alternatives, the members of a segment that is
  referred to. Moving dates are judged for clocks between the years 1000 and 9000, and at most
  50,000 pairs of segments of a type are compared.
- In **SARIF** a segment's place is `segments/TYPE/NAME`, and a finding keeps its fingerprint when
  only the numbers in its message change.
- `segctl store check` looks for damage: it reads the whole file, and doctor does not.
"""


def doctor() -> str:
    """What doctor finds."""
    text = ["# What doctor finds\n", NOTE, DOCTOR, "## Codes\n"]
    for level in Level:
        text += [f"### {level.value.capitalize()}s\n", "| code | what it means | what mends it |"]
        text.append("|---|---|---|")
        text += [
            f"| `{code.name}` | **{code.title}** {_cell(code.explanation)} | {_cell(code.mend)}"
            f"{' **Safe.**' if code.safe else ''} |"
            for code in CODES.values()
            if code.level is level
        ]
        text.append("")
    return "\n".join(text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


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
