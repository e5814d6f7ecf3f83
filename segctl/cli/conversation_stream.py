"""`segctl conversations open --stdin`: a line in, a line out, for as long as there are lines."""

from collections.abc import Iterator, Sequence
import io
import json
import os
import select
import sys
from typing import TYPE_CHECKING, Any, BinaryIO
from zoneinfo import ZoneInfo

from segctl.cli import context
from segctl.cli.cells import as_json
from segctl.cli.conversation_tables import opened_row
from segctl.errors import PartlyFailed, SegctlError, UsageError

if TYPE_CHECKING:
    from segctl.services.conversations import OpenRequest
    from segctl.store.opening import Store

LONGEST = 100_000
"""Bytes of one line."""
CHUNK = 65_536


def run() -> None:
    """Answer every line of stdin, in order, each when its conversation is committed.

    What is waiting already is worked on together. A line that fails is answered with
    `{"error": …}`; PartlyFailed at the end if there was one.
    """
    from segctl.services.conversations import TOGETHER
    from segctl.services.decision_rules import RuleCache

    rules = RuleCache()
    actor = context.actor()
    lines = failed = 0
    with context.store() as store:
        for batch in waiting_lines(sys.stdin.buffer, TOGETHER):
            answers = _answers(store, batch, rules, actor)
            lines += len(answers)
            failed += sum("error" in answer for answer in answers)
            sys.stdout.writelines(as_json(answer) + "\n" for answer in answers)
            sys.stdout.flush()
    if failed:
        raise PartlyFailed(
            f"{failed:,} of {lines:,} lines failed", hint="each was answered with its error"
        )


def _answers(
    store: "Store", batch: Sequence[bytes], rules: Any, actor: str
) -> list[dict[str, Any]]:
    from segctl.services.conversations import open_conversations
    from segctl.services.filters import workspace_zone

    now = context.now()
    answers: list[dict[str, Any]] = [{} for _ in batch]
    requests: dict[int, OpenRequest] = {}
    try:
        zone = workspace_zone(store) if any(b'"at"' in line for line in batch) else ZoneInfo("UTC")
    except SegctlError as error:
        return [{"error": error.described} for _ in batch]
    for place, line in enumerate(batch):
        try:
            requests[place] = _request(line, zone)
        except SegctlError as error:
            answers[place] = {"error": error.described}
    opened = open_conversations(store, list(requests.values()), now=now, actor=actor, rules=rules)
    for place, outcome in zip(requests, opened, strict=True):
        if isinstance(outcome, SegctlError):
            answers[place] = {"error": outcome.described}
        else:
            answers[place] = opened_row(outcome)
    return answers


def _request(line: bytes, zone: ZoneInfo) -> "OpenRequest":
    from segctl.services.conversation_requests import read_request

    if len(line) > LONGEST:
        raise UsageError(f"a line has at most {LONGEST:,} bytes")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the line is not JSON: {error}") from None
    return read_request(value, zone)


def waiting_lines(stream: BinaryIO, most: int) -> Iterator[list[bytes]]:
    """The lines that are there without waiting, at least one and at most so many at once.

    Blank ones are left out. A line without an end grows no longer than LONGEST and a chunk.
    """
    try:
        file = stream.fileno()
    except (OSError, io.UnsupportedOperation):
        lines = [line.strip() for line in stream if line.strip()]
        yield from (lines[place : place + most] for place in range(0, len(lines), most))
        return
    rest = b""
    found: list[bytes] = []
    while True:
        # Once there is something to do, only what can be read at once is read.
        if len(found) >= most or (found and not select.select([file], [], [], 0)[0]):
            yield found[:most]
            found = found[most:]
            continue
        chunk = os.read(file, CHUNK)
        if not chunk:
            break
        *ended, rest = (rest + chunk).split(b"\n")
        rest = rest[: LONGEST + 1]
        found += [line.strip() for line in ended if line.strip()]
    if rest.strip():
        found.append(rest.strip())
    for place in range(0, len(found), most):
        yield found[place : place + most]
