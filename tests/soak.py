"""`make soak`: two daemons on a store that is imported into and edited, five minutes each store.

At the end stored members are what their conditions say, counts and leases are in order, and no
daemon has grown by more than a tenth since it was warm. `SOAK_SECONDS` makes it longer.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
import csv
import datetime as dt
import os
from pathlib import Path
import random
import shutil
import signal
from statistics import median
import subprocess
import sys
import tempfile
import time

from segctl.catalog import ObjectType
from segctl.errors import SegctlError
from segctl.services import batches, dry_runs, recalculation, segments, stores
from segctl.store.opening import Store, create_store
from tests import postgres
from tests.daemon.processes import Daemons, make_due, proc_memory, times
from tests.engine.workspace import leases, sql

SECONDS = float(os.environ.get("SOAK_SECONDS", "300"))
WARM_UP = 0.3
"""The part of the time after which a daemon counts as warm."""
GROWTH = 1.10
CONDITIONS = (
    "size > {n}",
    "size between {n} and 90",
    'name contains "{n}"',
    "created_at in last {n} days",
    'size > {n} and not (name contains "1")',
    'in segment "S0"',
)


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


@contextmanager
def made(kind: str, folder: Path) -> Iterator[Store]:
    if kind == "sqlite":
        with create_store(f"sqlite:///{folder / 'soak.sqlite'}", now=now()) as store:
            yield store
        return
    with postgres.one_run():
        server = postgres.server()
        server.execute("CREATE DATABASE soak TEMPLATE template0")
        with create_store(server.url("soak"), now=now()) as store:
            yield store


def fill(store: Store, folder: Path, dice: random.Random) -> None:
    import_some(store, folder, dice, 3000)
    for n in range(30):
        where = CONDITIONS[0 if n == 0 else n % len(CONDITIONS)].format(n=1 + n * 3)
        segments.create(
            store, type=ObjectType.COMPANY, name=f"S{n}", where=where, now=now(), actor="soak"
        )


def import_some(store: Store, folder: Path, dice: random.Random, number: int) -> None:
    """Import companies as a process of its own, most of them known already."""
    path = folder / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["external_id", "name", "size"])
        for id in dice.sample(range(5000), number):
            writer.writerow([f"c{id}", f"Company {dice.randrange(5000)}", dice.randrange(100)])
    words = ("records", "import", "company", str(path), "--id", "external_id", "-q")
    call = [sys.executable, "-m", "segctl", "--store", store.url, *words]
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL)


def disturb(store: Store, folder: Path, dice: random.Random) -> None:
    """One of the things that happen to a workspace."""
    match dice.randrange(6):
        case 0:
            import_some(store, folder, dice, 200)
        case 1:
            sql(
                store,
                "UPDATE company SET size = :s WHERE id % 17 = :n",
                s=dice.randrange(100),
                n=dice.randrange(17),
            )
        case 2:
            sql(store, "DELETE FROM company WHERE id % 997 = :n", n=dice.randrange(997))
        case 3:
            n = dice.randrange(1, 30)
            where = dice.choice(CONDITIONS[:5]).format(n=dice.randrange(1, 90))
            segments.edit(store, f"S{n}", where=where, now=now(), actor="soak")
        case 4:
            segments.edit(
                store,
                f"S{dice.randrange(30)}",
                interval=dice.choice([30, 60, 0]),
                now=now(),
                actor="soak",
            )
        case _:
            make_due(store)


def soak(kind: str, folder: Path) -> None:
    dice = random.Random(7)
    daemons = Daemons()
    with made(kind, folder) as store:
        try:
            fill(store, folder, dice)
            running = [daemons(store), daemons(store)]
            memory: list[list[tuple[float, int]]] = [[], []]
            began = time.monotonic()
            turns = 0
            while (passed := time.monotonic() - began) < SECONDS:
                with suppress(SegctlError):  # two who want the same rows
                    disturb(store, folder, dice)
                turns += 1
                for n, daemon in enumerate(running):
                    assert daemon.process.poll() is None, daemon.said()
                    memory[n].append((passed, proc_memory(daemon.pid)))
                time.sleep(0.5)
            for daemon in running:
                assert daemon.end(signal.SIGTERM) == 143, daemon.said()
                assert not [
                    e for e in daemon.events if e["event"] == "warning" and "bug" in e["message"]
                ], daemon.events
            check(store)
            growth = [grown(samples) for samples in memory]
            print(
                f"{kind}: {turns} disturbances, {sum(times(store).values()):,} recalculations, "
                f"no drift, memory grew by {', '.join(f'{g - 1:+.1%}' for g in growth)}"
            )
            assert max(growth) <= GROWTH, memory
        finally:
            daemons.end()


def check(store: Store) -> None:
    """What is stored is what a full evaluation finds."""
    assert leases(store) == []
    moment = now()
    recalculation.recalculate(store, now=moment)
    for outcome in dry_runs.dry_run(store, batches.choose(store), now=moment):
        assert (outcome.error, outcome.entered, outcome.left) == (None, 0, 0), outcome
    for part in stores.check(store.url):
        assert part.ok, part


def grown(samples: list[tuple[float, int]]) -> float:
    """Memory at the end as a multiple of that of a warm daemon."""
    warm = [
        size for passed, size in samples if WARM_UP * SECONDS <= passed < 1.5 * WARM_UP * SECONDS
    ]
    late = [size for passed, size in samples if passed >= 0.85 * SECONDS]
    return median(late) / median(warm)


def main() -> None:
    for kind in sys.argv[1:] or ("sqlite", "postgresql"):
        folder = Path(tempfile.mkdtemp(prefix="segctl-soak-"))
        try:
            soak(kind, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
