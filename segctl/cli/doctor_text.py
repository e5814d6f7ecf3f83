"""Findings for a person: a paragraph for each code, then what it was found in."""

from collections.abc import Iterator, Sequence
from itertools import groupby
import shutil
import sys
from typing import TYPE_CHECKING

from segctl.cli import context
from segctl.cli.output import visible
from segctl.cli.tree_text import BOLD, DIM, Style, wrap

if TYPE_CHECKING:
    from segctl.services.doctor.findings import Finding

_COLOURS = {"error": "\x1b[31m", "warning": "\x1b[33m", "note": "\x1b[36m"}
_INDENT = "  "
MOST = 20
"""So many findings of a code are shown, unless -v asks for all."""


def write(findings: "Sequence[Finding]", mended: "Sequence[Finding]") -> None:
    """The findings on stdout, as wide as the terminal."""
    width = shutil.get_terminal_size().columns
    style = Style()
    for place, (code, group) in enumerate(groupby(findings, key=lambda each: each.code)):
        some = list(group)
        if place:
            sys.stdout.write("\n")
        level = style(code.level.value, _COLOURS[code.level.value])
        sys.stdout.write(f"{level} {style(code.name, BOLD)}\n")
        for piece in wrap(f"{code.title} {code.explanation}", width - len(_INDENT)):
            sys.stdout.write(f"{_INDENT}{style(piece, DIM)}\n")
        for line in _subjects(some, mended, width):
            sys.stdout.write(line.rstrip() + "\n")
        if any(each.command is None for each in some):
            mend = code.mend.replace("`", "")
            for piece in _hanging(f"→ {mend}", width):
                sys.stdout.write(piece + "\n")


def _subjects(
    findings: "Sequence[Finding]", mended: "Sequence[Finding]", width: int
) -> Iterator[str]:
    """A line each and its command; those of which the same is said together."""
    shown = findings if context.verbose() else findings[:MOST]
    if len(shown) > 1 and all(
        each.message == shown[0].message and each not in mended for each in shown
    ):
        names = ", ".join(visible(each.place) for each in shown)
        yield from _hanging(f"• {names}", width)
    else:
        previous = None
        for each in shown:
            done = "; mended" if each in mended else ""
            said = f"{each.place}: {each.message}{done}" if each.kind != "store" else each.message
            yield from _hanging(f"• {visible(said)}", width)
            if each.command and each not in mended and each.command != previous:
                yield from _hanging(f"→ {visible(each.command)}", width, deeper=True)
            previous = each.command
    if len(findings) > len(shown):
        yield f"{_INDENT}… and {len(findings) - len(shown):,} more; -v shows them"


def _hanging(text: str, width: int, *, deeper: bool = False) -> Iterator[str]:
    indent = _INDENT * 2 if deeper else _INDENT
    for place, piece in enumerate(wrap(text, max(width - len(indent) - 2, 20))):
        yield f"{indent}{'  ' if place else ''}{piece}"
