"""How many conversations a second a chat can have assigned.

One process of `segctl conversations open --stdin`, on SQLite or Postgres, with rules on segments of
all the benchmark's kinds: attributes, events in windows, companies, other segments.
"""

from collections.abc import Iterator
import datetime as dt
import json
import os
from pathlib import Path
from random import Random
import subprocess
import sys
import time

from bench import measure

RULES = 50
CONVERSATIONS = 3_000
TEAM = tuple(f"agent{n}@example.com" for n in range(8))


def staff(url: str) -> None:
    """A team, a group by turns, and a rule for each of the first fifty contact segments."""
    from segctl.catalog import ObjectType
    from segctl.services import assignments, batches, recalculation, team_groups, team_members
    from segctl.services.segment_views import list_segments
    from segctl.store.glance import glance
    from segctl.store.opening import open_store

    now, actor = dt.datetime.now(dt.UTC), "bench"
    with glance(url, busy_timeout=10, connect_timeout=5) as seen:
        segments = list_segments(seen)
    contacts = sorted((s for s in segments if s.type is ObjectType.CONTACT), key=lambda s: s.id)
    companies = [s.name for s in segments if s.type is ObjectType.COMPANY]
    with open_store(url) as store:
        for email in TEAM:
            team_members.add_member(store, email, now=now, actor=actor)
        team_groups.create_group(
            store, "Sales", strategy="round_robin", members=TEAM[:5], now=now, actor=actor
        )
        if companies:  # read through a relation, so their stored members count
            batch = batches.choose(store, companies)
            list(recalculation.recalculate(store, batch, now=now))
        for n, segment in enumerate(contacts[:RULES]):
            to = "Sales" if n % 2 else TEAM[n % len(TEAM)]
            assignments.create(store, f"#{segment.id}", to, now=now, actor=actor)


def lines(contacts: int, number: int, seed: int) -> Iterator[str]:
    random = Random(seed)
    for n in range(number):
        yield json.dumps({"contact": f"#{random.randint(1, contacts)}", "external_id": f"chat-{n}"})


def open_all(url: str, folder: Path, contacts: int, seed: int) -> tuple[int, float, float]:
    """Conversations, wall seconds from the first answer's line to the last, and CPU seconds.

    The start of the process is not in the wall time: one line is answered before the clock runs.
    """
    wanted = list(lines(contacts, CONVERSATIONS + 1, seed))
    source = folder / "conversations.ndjson"
    source.write_text("\n".join(wanted[1:]) + "\n")
    command = [sys.executable, "-m", "segctl", "--store", url, "conversations", "open", "--stdin"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(wanted[0] + "\n")
    process.stdin.flush()
    process.stdout.readline()
    cpu = _cpu(process.pid)
    started = time.perf_counter()
    feeder = subprocess.Popen(["cat", source], stdout=process.stdin)
    process.stdin.close()
    answers = [process.stdout.readline() for _ in range(CONVERSATIONS)]
    wall = time.perf_counter() - started
    cpu = _cpu(process.pid) - cpu
    feeder.wait()
    if process.wait() != 0 or any("created" not in answer for answer in answers):
        raise measure.Failed("conversations could not be opened")
    source.unlink()
    return len(answers), wall, cpu


def _cpu(pid: int) -> float:
    """User and system seconds of a process that still runs; 0 where the system does not tell."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
