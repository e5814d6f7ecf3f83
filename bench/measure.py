"""Run a program and see what it took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
import os
from pathlib import Path
import shutil
import statistics
import subprocess
import sys
import tempfile


@dataclass(frozen=True, slots=True)
class Run:
    """`wall` and `cpu` (user and system) are seconds, `memory` the peak resident size in MB."""

    wall: float
    cpu: float
    memory: float
    output: str


class Failed(Exception):
    """The program that was measured did not do its work."""


_LAUNCHER = """
import json, os, sys, time
started = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - started
code = os.waitstatus_to_exitcode(status)
cpu = usage.ru_utime + usage.ru_stime
json.dump([code, wall, cpu, usage.ru_maxrss], open(os.environ["BENCH_FIGURES"], "w"))
"""


def run(arguments: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Run:
    """Run to the end and measure that one process; Failed if it does not exit with 0.

    A small process starts it and waits for it: the peak size that the system tells of a process
    is never below that of the one that started it, and the benchmark has made a large store.
    """
    program = shutil.which(str(arguments[0]))
    if program is None:
        raise Failed(f"there is no program {arguments[0]}")
    with (
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
        tempfile.NamedTemporaryFile("r") as figures,
    ):
        words = [program, *map(str, arguments[1:])]
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _LAUNCHER, *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=os.environ | dict(environment or {}) | {"BENCH_FIGURES": figures.name},
            check=False,
        )
        output.seek(0)
        errors.seek(0)
        told = errors.read().decode(errors="replace").strip()
        text = figures.read()
        if not text:
            raise Failed(f"{' '.join(words)} was not measured: {told}")
        code, wall, cpu, size = json.loads(text)
        if code != 0:
            raise Failed(f"{' '.join(words)} exited {code}: {told}")
        # ru_maxrss is in KB on Linux and in bytes on a Mac.
        scale = 1 << 20 if os.uname().sysname == "Darwin" else 1 << 10
        return Run(wall, cpu, size / scale, output.read().decode())


def median_cpu(arguments: Sequence[str | Path], times: int) -> float:
    """The median CPU seconds of several cold processes."""
    return statistics.median(run(arguments).cpu for _ in range(times))
