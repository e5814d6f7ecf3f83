"""Which process recalculates, and whether it is still there."""

from dataclasses import dataclass
from functools import cache
import os
from pathlib import Path
import socket


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: host, pid, and when it started, because pids are used again.

    `start` counts in units that only the host knows; 0 where the system does not say.
    """

    host: str
    pid: int
    start: int

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.start}"

    @property
    def is_dead(self) -> bool:
        """Whether it is known to have ended: it was of this host, and is no longer there."""
        if self.host != this_host():
            return False
        start = _start(self.pid)
        return start is None or (self.start != 0 and start not in (0, self.start))


def this_process() -> Owner:
    """The process that asks."""
    pid = os.getpid()
    return Owner(this_host(), pid, _start(pid) or 0)


def parse_owner(text: str) -> Owner | None:
    """What str(owner) wrote; None for anything else."""
    parts = text.rsplit(":", 2)
    if len(parts) != 3 or not (parts[1].isdigit() and parts[2].isdigit()):
        return None
    return Owner(parts[0], int(parts[1]), int(parts[2]))


@cache
def this_host() -> str:
    """A name for the machine, and for the container on it: pids mean nothing to its neighbours."""
    host = socket.gethostname()
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return host
    return f"{host}/{boot}.{space}"


def _start(pid: int) -> int | None:
    """When a process of this host started; 0 if the system does not say, None if there is none."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except (PermissionError, OverflowError):
        pass
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else 0
    except OSError:
        return 0
    # A zombie has ended: only its parent has not looked yet.
    return None if fields[0] == b"Z" else int(fields[19])
