"""`segctl why`: why a record is in a segment, or not."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segctl.cli import context, output
from segctl.cli.options import AtOption, OutputOption, SegmentArgument, TypeOption
from segctl.cli.output import Column, Format

if TYPE_CHECKING:
    from segctl.conditions.explanation import Example, Explanation
    from segctl.services.segment_views import SegmentView
    from segctl.services.why import Answer, Run

COLUMNS = (
    Column("segment", "Segment"),
    Column("type", "Type"),
    Column("record", "Record"),
    Column("id", "Id"),
    Column("stored", "Stored", kind="bool"),
    Column("live", "Live", kind="bool"),
    Column("since", "Since", kind="time"),
    Column("run", "Run"),
    Column("counted_at", "Counted", kind="time"),
)


def command(
    segment: SegmentArgument,
    record: Annotated[
        str, typer.Argument(metavar="RECORD", help="The record: its external id, or #id.")
    ],
    type: TypeOption = None,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code", help="Exit with 6 if the record is not in it, as last counted."
        ),
    ] = False,
    live: Annotated[
        bool, typer.Option("--live", help="Evaluate the condition now instead.")
    ] = False,
    examples: Annotated[
        int,
        typer.Option(
            "--examples", metavar="N", min=0, help="So many related records are shown of each kind."
        ),
    ] = 3,
    at: AtOption = None,
    output_format: OutputOption = Format.TABLE,
) -> None:
    """Show why a record is in a segment, or not.

    That is: whether it is a stored member, since when and by which run; whether it satisfies the
    condition now; and the condition as a tree, each part with what was found and with the bounds
    it was compared with. --exit-code asks for the stored membership, with --live for today's.

    Example: segctl why "Big deals" 1C1I7A6R
    """
    from segctl.services import why as service
    from segctl.services.filters import workspace_zone

    with context.store() as store:
        now = context.now(at, workspace_zone(store) if at else None)
        answer = service.why(store, segment, record, type=type, now=now, examples=examples)
    if output_format is Format.TABLE:
        from segctl.cli.why_text import write

        write(answer)
    elif output_format is Format.JSON:
        output.show_one(answer_row(answer), COLUMNS, output_format)
    else:
        output.show_one(_short(answer), COLUMNS, output_format)
    if exit_code:
        sys.stdout.flush()
        service.check(answer, live=live)


def _short(answer: "Answer") -> dict[str, Any]:
    return {
        "segment": answer.segment.name,
        "type": answer.segment.type.value,
        "record": answer.record.external_id,
        "id": answer.record.id,
        "stored": answer.stored,
        "live": answer.live,
        "since": answer.run.started_at if answer.run else None,
        "run": answer.run.id if answer.run else None,
        "counted_at": answer.segment.last_counted_at,
    }


def answer_row(answer: "Answer") -> dict[str, Any]:
    """The answer as programs read it."""
    return {
        "segment": _segment(answer.segment),
        "record": {
            "type": answer.record.type.value,
            "id": answer.record.id,
            "external_id": answer.record.external_id,
            "name": answer.record.name,
        },
        "stored": answer.stored,
        "live": answer.live,
        "since": answer.run.started_at if answer.run else None,
        "run": run_row(answer.run),
        "changes": [
            {"change": "entered" if move.entered else "left", "run": run_row(move.run)}
            for move in answer.moves
        ],
        "now": answer.now,
        "timezone": answer.zone.key,
        "problem": answer.problem,
        "condition": None if answer.explanation is None else _part(answer.explanation, answer),
        "references": [_segment(each) for each in answer.references.values()],
    }


def run_row(run: "Run | None") -> dict[str, Any] | None:
    """A run as programs read it."""
    if run is None:
        return None
    return {
        "id": run.id,
        "started_at": run.started_at,
        "trigger": run.trigger,
        "mode": run.mode,
        "baseline": run.baseline,
        "owner": run.owner,
    }


def _segment(view: "SegmentView") -> dict[str, Any]:
    return {
        "id": view.id,
        "name": view.name,
        "type": view.type.value,
        "count": view.count,
        "counted_at": view.last_counted_at,
        "stale": view.stale,
        "status": view.status.value,
        "error": view.error,
    }


def _part(part: "Explanation", answer: "Answer") -> dict[str, Any]:
    row: dict[str, Any] = {
        "condition": part.condition,
        "form": part.form.value,
        "result": part.result,
    }
    if part.tested:
        row["found"] = part.found
    if part.ends_at is not None:
        row["ends_at"] = part.ends_at
    if part.bounds is not None:
        row["bounds"] = [{"low": bound.low, "high": bound.high} for bound in part.bounds]
    if part.related is not None:
        row["related"] = {
            "total": part.related.total,
            "satisfying": part.related.satisfying,
            "counting": part.related.counting,
            "examples": [_example(each, answer) for each in part.related.examples],
        }
    if part.membership is not None:
        there = part.membership
        run = answer.memberships.get((there.segment, there.record or 0))
        row["segment"] = {
            "id": there.segment,
            "name": there.name,
            "type": there.type.value,
            "record_id": there.record,
            "external_id": there.external_id,
            "run": run_row(run),
            "counted_at": answer.references[there.segment].last_counted_at,
            "stale": answer.references[there.segment].stale,
        }
    if part.children:
        row["parts"] = [_part(child, answer) for child in part.children]
    return row


def _example(example: "Example", answer: "Answer") -> dict[str, Any]:
    return {
        "type": None if example.type is None else example.type.value,
        "id": example.id,
        "external_id": example.external_id,
        "name": example.name,
        "at": example.at,
        "value": example.value,
        "counts": example.counts,
        "why": None if example.why is None else _part(example.why, answer),
    }
