"""`segctl doctor`: find what is wrong or odd, and mend what is safe."""

from collections.abc import Iterable, Sequence
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import OutputOption, TypeOption, segment_names
from segctl.cli.output import Column, Format
from segctl.errors import CheckFailed, StoreError, UsageError, did_you_mean

if TYPE_CHECKING:
    from segctl.catalog import ObjectType
    from segctl.services.doctor.codes import Level
    from segctl.services.doctor.findings import Finding

COLUMNS = (
    Column("level", "Level"),
    Column("code", "Code"),
    Column("kind", "Kind"),
    Column("subject", "Subject"),
    Column("type", "Type"),
    Column("message", "Message"),
    Column("command", "Command"),
    Column("safe", "Safe", kind="bool"),
    Column("mended", "Mended", kind="bool"),
)


def command(
    segments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SEGMENT…]",
            help="Only what concerns these segments, by name or id.",
            autocompletion=segment_names,
            show_default=False,
        ),
    ] = None,
    type: TypeOption = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare stored members with the conditions, too.")
    ] = False,
    sample: Annotated[
        int | None,
        typer.Option(
            "--sample",
            metavar="N",
            min=1,
            help="With --verify: look at about so many records of each segment.",
        ),
    ] = None,
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is safe to mend.")] = False,
    level: Annotated[
        str,
        typer.Option("--level", metavar="LEVEL", help="Show findings from error, warning or note."),
    ] = "note",
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            metavar="LEVEL",
            help="Exit with 6 from error, warning or note on, or never.",
        ),
    ] = "warning",
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="CODE", help="Leave these findings out; repeatable."),
    ] = None,
    sarif: Annotated[
        bool, typer.Option("--sarif", help="Write SARIF 2.1.0, for code scanning.")
    ] = False,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Find what is wrong or odd in the store, and say how to mend it.

    Damaged counts, unreadable, contradictory or duplicate conditions, segments that are stale, late
    or of no use, rules that never decide, missing triggers and indexes, and more: docs/doctor.md
    lists the codes. Exits with 6 if something is found, unless it is a note.

    Example: segctl doctor --verify --fail-on error
    """
    shown, failing = _level(level, "--level"), _level(fail_on, "--fail-on", never=True)
    if sample is not None and not verify:
        raise UsageError("--sample says how much --verify looks at", hint="segctl doctor --verify")
    assert shown is not None
    ignored = _codes(ignore or ())
    found, mended = _found(segments or (), type, verify, sample, fix, ignored)
    listed = [each for each in found if each.level.rank <= shown.rank]
    if sarif:
        from segctl.cli.cells import as_json
        from segctl.services.doctor.sarif import document

        output.line(as_json(document([each for each in listed if each not in mended]), indent=2))
    elif output_format is Format.TABLE:
        from segctl.cli.doctor_text import write

        write(listed, mended)
    else:
        output.show([_row(each, each in mended) for each in listed], COLUMNS, output_format)
    sys.stdout.flush()
    left = [each for each in found if each not in mended]
    output.note(_summary(left, mended))
    bad = [each for each in left if failing is not None and each.level.rank <= failing.rank]
    if bad:
        codes = list(dict.fromkeys(each.code.name for each in bad))
        raise CheckFailed(
            f"{_counted(bad)}: {', '.join(codes)}",
            hint="segctl doctor --fix mends what is safe" if any(e.safe for e in bad) else None,
            codes=codes,
        )


def _found(
    segments: Sequence[str],
    type: "ObjectType | None",
    verify: bool,
    sample: int | None,
    fix: bool,
    ignored: frozenset[str],
) -> "tuple[list[Finding], list[Finding]]":
    """What was found, and of that what was mended."""
    from segctl.services.doctor import examine, mend
    from segctl.services.doctor import verify as verifying
    from segctl.services.segment_views import find

    now = context.now()
    try:
        with context.store() as store:
            chosen = {find(store, ref, type).id for ref in segments}
            found = examine.examine(store, now=now, hooks=context.settings().hooks)
            if verify:
                output.detail("comparing stored members with their conditions")
                compared = verifying.verify(store, segments, type=type, sample=sample, now=now)
                agree = sum(each.verdict is verifying.Verdict.AGREES for each in compared)
                output.note(f"{agree:,} of {len(compared):,} segments agree with their conditions")
                found = examine.in_order([*found, *verifying.findings(compared)])
            found = [
                each
                for each in found
                if each.code.name not in ignored
                and (type is None or each.type is type)
                and (not chosen or each.id in chosen)
            ]
            mended = mend.mend(store, found, now=now, actor=context.actor()) if fix else []
            return found, mended
    except StoreError as error:
        found = examine.unopenable(context.store_url(), error)
        if not found:
            raise
        return [each for each in found if each.code.name not in ignored], []


def _level(word: str, option: str, *, never: bool = False) -> "Level | None":
    from segctl.services.doctor.codes import Level

    folded = word.strip().lower()
    if never and folded == "never":
        return None
    try:
        return Level(folded)
    except ValueError:
        known = [*Level, *(["never"] if never else [])]
        raise UsageError(
            f'{option}: there is no level "{word}"', hint="the levels are " + ", ".join(known)
        ) from None


def _codes(words: Iterable[str]) -> frozenset[str]:
    from segctl.services.doctor.codes import CODES

    names = [name.strip() for word in words for name in word.split(",") if name.strip()]
    for name in names:
        if name not in CODES:
            raise UsageError(
                f'there is no finding "{name}"',
                hint=did_you_mean(name, CODES) or "docs/doctor.md lists them",
            )
    return frozenset(names)


def _row(finding: "Finding", mended: bool) -> dict[str, Any]:
    return {
        "code": finding.code.name,
        "level": finding.level.value,
        "kind": finding.kind,
        "subject": finding.subject or None,
        "type": finding.type.value if finding.type else None,
        "id": finding.id,
        "message": finding.message,
        "title": finding.code.title,
        "explanation": finding.code.explanation,
        "mend": finding.code.mend,
        "command": finding.command,
        "safe": finding.safe,
        "mended": mended,
        "fingerprint": finding.fingerprint,
    }


def _summary(left: "Sequence[Finding]", mended: "Sequence[Finding]") -> str:
    text = _counted(left) if left else "nothing is wrong"
    if mended:
        text = f"mended {len(mended):,}; " + (f"left: {text}" if left else text)
    return text


def _counted(findings: "Sequence[Finding]") -> str:
    from segctl.services.doctor.codes import Level

    numbers = [(sum(each.level is level for each in findings), level.value) for level in Level]
    return ", ".join(f"{n:,} {word}{'s' if n != 1 else ''}" for n, word in numbers if n)
