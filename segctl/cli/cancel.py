"""`segctl cancel`: stop a running recalculation."""

from segctl.cli import context, output
from segctl.cli.options import OutputOption, SegmentArgument, TypeOption
from segctl.cli.output import Column, Format
from segctl.errors import SegctlError

COLUMNS = (
    Column("name", "Segment"),
    Column("type", "Type"),
    Column("result", "Result"),
    Column("process", "Process"),
)


def command(
    segment: SegmentArgument, type: TypeOption = None, output_format: OutputOption = Format.TABLE
) -> None:
    """Stop the recalculation of a segment that another process is at.

    Its members stay as they are. The other segments of the same batch go on.

    Example: segctl cancel "Big deals"
    """
    from segctl.services.cancel import Ending, cancel

    with context.store() as store:
        done = cancel(store, segment, type=type, actor=context.actor())
    name = done.segment.name
    row = {
        "id": done.segment.id,
        "name": name,
        "type": done.segment.type.value,
        "result": done.ending.value,
        "process": str(done.holder),
    }
    if output_format is not Format.TABLE:
        output.show_one(row, COLUMNS, output_format)
    match done.ending:
        case Ending.CANCELLED:
            output.note(f'the recalculation of "{name}" by {done.holder} was stopped')
        case Ending.ASKED:
            output.note(f'{done.holder} leaves "{name}" out when its turn comes')
        case Ending.FINISHED:
            raise SegctlError(f'"{name}" was recalculated before that could be stopped')
