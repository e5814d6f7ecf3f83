"""Run a program and see what it took."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import os
from pathlib import Path
import statistics
import subprocess
import tempfile
import time


@dataclass(frozen=True, slots=True)
class Run:
    """`wall` and `cpu` (user and system) are seconds, `memory` the peak resident size in MB."""

    wall: float
    cpu: float
    memory: float
    output: str


class Failed(Exception):
    """The program that was measured did not do its work."""


def run(arguments: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Run:
    """Run to the end and measure that one process; Failed if it does not exit with 0."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=os.environ | dict(environment or {}),
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            told = errors.read().decode(errors="replace").strip()
            raise Failed(f"{' '.join(map(str, arguments))} exited {process.returncode}: {told}")
        # ru_maxrss is in KB on Linux and in bytes on a Mac.
        scale = 1 << 20 if os.uname().sysname == "Darwin" else 1 << 10
        return Run(
            wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / scale, output.read().decode()
        )


def median_cpu(arguments: Sequence[str | Path], times: int) -> float:
    """The median CPU seconds of several cold processes."""
    return statistics.median(run(arguments).cpu for _ in range(times))
