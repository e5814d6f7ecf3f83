"""Measure segctl against hand-written SQL, and its import and start.

    python -m bench [--records N] [--segments M] [--store sqlite|postgres]

Prints a Markdown table; what is going on meanwhile goes to stderr. Each measurement is a process of
its own that starts from a fresh, vacuumed copy of the store. See docs/benchmarks.md.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import csv
from dataclasses import dataclass
import datetime as dt
import os
from pathlib import Path
import platform
from random import Random
import shutil
import statistics
import sys
import tempfile
import time

from bench import conversations, measure, rows
from bench.measure import Run
from bench.rows import Sizes
from bench.segments import Clock, segments
from bench.stores import BenchStore, PostgresStore, SqliteStore, changes, content

ALL = ("fill", "steady", "import", "start", "conversations")
SEED = 1
START_RUNS = 15
CONVERSATION_CONTACTS = 100_000

IMPORT_COLUMNS = (
    "external_id", "name", "first_name", "last_name", "email", "phone", "gender", "status", "score",
    "city", "country", "timezone", "last_seen_at", "page_views", "unsubscribed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; `ratio` and `by_hand` only where there is something to compare."""

    what: str
    segctl: str
    by_hand: str = ""
    ratio: str = ""
    target: str = ""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="contacts (default 1000000)")
    parser.add_argument("--segments", type=int, default=100, help="segments (default 100)")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--parts", default=",".join(ALL), help=f"some of {','.join(ALL)}")
    parser.add_argument("--repeat", type=int, default=1, help="of fill and steady; medians count")
    parser.add_argument(
        "--folder", type=Path, help="where the stores go (default: a new one in /tmp)"
    )
    parser.add_argument("--server", help="URL of a Postgres to use (default: a throwaway one)")
    chosen = parser.parse_args(argv)
    parts = chosen.parts.split(",")
    if unknown := set(parts) - set(ALL):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    sizes = Sizes(chosen.records, chosen.records * 5, max(10, chosen.records // 50))
    with _folder(chosen.folder) as folder, _store(chosen.store, chosen.server, folder) as store:
        lines: list[Line] = []
        if "fill" in parts or "steady" in parts or "start" in parts:
            base = _base(store, sizes, chosen.segments)
            lines += _recalculations(store, base, sizes, chosen.segments, chosen.repeat, parts)
        if "conversations" in parts:
            lines += _conversations(store, folder, chosen.records)
        if "import" in parts:
            lines += _import(store, folder, max(1000, chosen.records // 5))
        print(_table(lines))
        print()
        print(_machine(store, sizes, chosen.segments))


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    made = Path(tempfile.mkdtemp(prefix="segctl-bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def _store(kind: str, server: str | None, folder: Path) -> Iterator[BenchStore]:
    if kind == "sqlite":
        yield SqliteStore(folder)
    elif server is not None:
        yield PostgresStore(server)
    else:
        from tests import postgres

        with postgres.one_run():
            yield PostgresStore(postgres.server().url("postgres"))


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _segctl(url: str, *words: str) -> Run:
    command = [sys.executable, "-m", "segctl", "--store", url, *words]
    return measure.run(command)


# ---------------------------------------------------------------- the store


def _base(store: BenchStore, sizes: Sizes, number: int) -> str:
    """A store full of records whose segments were never counted; vacuumed."""
    from segctl.catalog import Attribute, ObjectType, ValueType
    from segctl.services import attributes
    from segctl.services import segments as segments_service
    from segctl.store.opening import create_store

    now = dt.datetime.now(dt.UTC)
    url = store.create("base")
    with create_store(url, now=now) as opened:
        own = [
            Attribute(ObjectType(type), name, ValueType(kind), choices, standard=False)
            for type, name, kind, choices in rows.CUSTOM
        ]
        attributes.add_all(opened, own, now=now, actor="bench")
        for segment in segments(number, Clock(now, postgres=False)):
            segments_service.create(
                opened,
                type=ObjectType(segment.type),
                name=segment.name,
                where=segment.condition,
                now=now,
                actor="bench",
            )
    _say(f"writing {sizes.contacts:,} contacts and {sizes.events:,} events")
    started = time.perf_counter()
    store.load(url, content(SEED, now, sizes))
    store.vacuum(url)
    _say(f"made a store of {store.size(url):,.0f} MB in {time.perf_counter() - started:.0f} s")
    return url


# ---------------------------------------------------------------- recalculation


def _recalculations(
    store: BenchStore, base: str, sizes: Sizes, number: int, repeat: int, parts: Sequence[str]
) -> list[Line]:
    lines: list[Line] = []
    memory = 0.0
    if "fill" in parts:
        pairs = [_pair(store, base, f"fill{n}", number) for n in range(repeat)]
        lines += _compared("First fill", pairs, 1.1)
        memory = max(memory, *(ours.memory for ours, _ in pairs))
    if "steady" in parts or "start" in parts:
        filled = store.copy(base, "filled")
        _say("filling the store that steady recalculations start from")
        _segctl(filled, "recalc", "--all", "--quiet")
        if "steady" in parts:
            store.execute(filled, changes(dt.datetime.now(dt.UTC), sizes))
            store.vacuum(filled)
            pairs = [_pair(store, filled, f"steady{n}", number) for n in range(repeat)]
            lines += _compared("Steady, 0.5 % changed", pairs, 1.2)
            memory = max(memory, *(ours.memory for ours, _ in pairs))
        if memory:
            lines.append(
                Line("Peak memory of `recalc --all`", f"{memory:.0f} MB", target="≤ 600 MB")
            )
        if "start" in parts:
            lines += _start(filled)
        store.drop(filled)
    store.drop(base)
    return lines


def _pair(store: BenchStore, source: str, name: str, number: int) -> tuple[Run, Run]:
    """Recalculate a copy with segctl and another by hand, as of the same instant."""
    ours = store.copy(source, f"{name}_segctl")
    _say(f"{name}: segctl")
    by_segctl = _segctl(ours, "recalc", "--all", "--quiet")
    moments = store.query(ours, "SELECT max(now) FROM recalculation")
    moment = moments[0][0]
    now = dt.datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    theirs = store.copy(source, f"{name}_hand")
    _say(f"{name}: by hand ({by_segctl.wall:.1f} s before)")
    by_hand = measure.run(
        [
            *(sys.executable, "-m", "bench.baseline"),
            *(store.baseline_url(theirs), now.isoformat(), str(number)),
        ]
    )
    _say(f"{name}: {by_segctl.wall:.1f} s against {by_hand.wall:.1f} s")
    _compare_members(store, ours, theirs)
    store.drop(ours)
    store.drop(theirs)
    return by_segctl, by_hand


def _compare_members(store: BenchStore, ours: str, theirs: str) -> None:
    """Both must have found the same members, or the times mean nothing."""
    sums = " UNION ALL ".join(
        f"SELECT segment_id, count(*), sum(record_id) FROM {type}_member GROUP BY segment_id"
        for type in ("contact", "company")
    )
    mine, hand = (
        {segment: (count, int(total)) for segment, count, total in store.query(url, sums)}
        for url in (ours, theirs)
    )
    wrong = [
        f"segment {n}: {mine.get(n, (0,))[0]} against {hand.get(n, (0,))[0]}"
        for n in sorted({*mine, *hand})
        if mine.get(n) != hand.get(n)
    ]
    if wrong:
        raise measure.Failed("segctl and the hand-written SQL disagree: " + "; ".join(wrong[:10]))
    _say(f"the same {sum(count for count, _ in mine.values()):,} members")


def _compared(what: str, pairs: Sequence[tuple[Run, Run]], target: float) -> Iterator[Line]:
    ours, theirs = ([pair[n] for pair in pairs] for n in (0, 1))
    wall = [statistics.median(run.wall for run in runs) for runs in (ours, theirs)]
    cpu = [statistics.median(run.cpu for run in runs) for runs in (ours, theirs)]
    for part, (mine, hand), wanted in (("", wall, f"≤ {target}"), (" (CPU)", cpu, "")):
        yield Line(f"{what}{part}", f"{mine:.1f} s", f"{hand:.1f} s", f"{mine / hand:.2f}", wanted)


# ---------------------------------------------------------------- the rest


def _start(url: str) -> Iterator[Line]:
    segctl = [sys.executable, "-m", "segctl"]
    _say("starting cold")
    help = measure.median_cpu([*segctl, "--help"], START_RUNS)
    listing = measure.median_cpu([*segctl, "--store", url, "segments", "list"], START_RUNS)
    yield Line("`segctl --help` (CPU)", f"{help * 1000:.0f} ms", target="≤ 120 ms")
    yield Line("`segctl segments list` (CPU)", f"{listing * 1000:.0f} ms", target="≤ 450 ms")


def _conversations(store: BenchStore, folder: Path, records: int) -> Iterator[Line]:
    """Assign chats by 50 rules, in a store of at most 100,000 contacts."""
    number = min(records, CONVERSATION_CONTACTS)
    sizes = Sizes(number, number * 5, max(10, number // 50))
    url = _base(store, sizes, conversations.RULES + 20)
    conversations.staff(url)
    _say("opening conversations")
    opened, wall, cpu = conversations.open_all(url, folder, number, SEED)
    yield Line(
        f"Conversations assigned ({conversations.RULES} rules, {number:,} contacts)",
        f"{opened / wall:,.0f} a second ({cpu * 1000 / opened:.1f} ms CPU each)",
        target="≥ 300 a second",
    )
    store.drop(url)


def _import(store: BenchStore, folder: Path, number: int) -> Iterator[Line]:
    """Import a CSV of 15 columns into an empty store, then once more unchanged."""
    from segctl.store.opening import create_store

    file = folder / "contacts.csv"
    _say(f"writing a CSV of {number:,} contacts")
    random = Random(SEED)
    sizes = Sizes(number, 0, 10)
    moments = rows.Moments(random, dt.datetime.now(dt.UTC))
    places = [rows.CONTACT_COLUMNS.index(name) for name in IMPORT_COLUMNS]
    with file.open("w", newline="", encoding="utf-8") as sink:
        writer = csv.writer(sink)
        writer.writerow(IMPORT_COLUMNS)
        for chunk in rows.contacts(random, moments, sizes):
            writer.writerows([row[place] for place in places] for row in chunk)
    url = store.create("import")
    create_store(url, now=dt.datetime.now(dt.UTC)).close()
    words = ("records", "import", "contact", str(file), "--id", "external_id", "--quiet")
    for what in ("Import, new", "Import, nothing changed"):
        _say(what)
        taken = _segctl(url, *words)
        yield Line(
            f"{what} ({number:,} rows of 15 columns)",
            f"{number / taken.wall:,.0f} rows/s ({taken.cpu:.1f} s CPU, {taken.memory:.0f} MB)",
            target="≥ 50,000 rows/s" if what.endswith("new") else "",
        )
    store.drop(url)
    file.unlink()


def _table(lines: Sequence[Line]) -> str:
    head = ("", "segctl", "by hand", "ratio", "target")
    body = [(line.what, line.segctl, line.by_hand, line.ratio, line.target) for line in lines]
    widths = [max(len(row[n]) for row in (head, *body)) for n in range(len(head))]

    def shown(cells: Sequence[str]) -> str:
        return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([shown(head), rule, *(shown(row) for row in body)])


def _machine(store: BenchStore, sizes: Sizes, number: int) -> str:
    """What it ran on, in one paragraph."""
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [t for t in info.read_text().splitlines() if t.startswith("model name")]
        cpu = models[0].split(":")[1].strip() if models else cpu
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}: {sizes.contacts:,} contacts, {sizes.events:,} events,"
        f" {sizes.companies:,} companies, {number} segments; {os.cpu_count()} cores ({cpu}),"
        f" {pages / 2**30:.0f} GB of memory, {platform.system()}, Python"
        f" {platform.python_version()}, {store.version()}."
    )


if __name__ == "__main__":
    main()
