"""Which file systems SQLite's write-ahead log can live on.

WAL shares memory between processes, so all of them must run on one machine; on a network file
system two machines would write into each other's pages.
"""

from collections.abc import Iterator
from pathlib import Path
import subprocess
import sys

NETWORK = frozenset(
    [
        "nfs",
        "nfs3",
        "nfs4",
        "cifs",
        "smb",
        "smb2",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "afpfs",
        "auristorfs",
        "ceph",
        "coda",
        "davfs",
        "davfs2",
        "fuse.davfs2",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.s3fs",
        "fuse.gcsfuse",
        "fuse.rclone",
        "fuse.goofys",
        "glusterfs",
        "gfs",
        "gfs2",
        "ocfs2",
        "lustre",
        "gpfs",
        "beegfs",
        "orangefs",
        "pvfs2",
        "webdav",
    ]
)


def network_file_system(path: Path) -> str | None:
    """The name of the network file system that holds `path`, or None; best effort off Linux."""
    kind = kind_of(path.resolve(), mounts())
    return kind if kind in NETWORK else None


def kind_of(path: Path, mounted: Iterator[tuple[Path, str]]) -> str | None:
    """The kind of the innermost file system that holds an absolute path; the last mount wins."""
    best: tuple[int, str | None] = (-1, None)
    for place, kind in mounted:
        if path.is_relative_to(place) and len(place.parts) >= best[0]:
            best = (len(place.parts), kind)
    return best[1]


def mounts() -> Iterator[tuple[Path, str]]:
    """Mount points and kinds of file system, in the order of mounting."""
    if sys.platform == "darwin":
        yield from _darwin()
        return
    try:
        text = Path("/proc/self/mounts").read_text(errors="surrogateescape")
    except OSError:
        return
    yield from parse_mounts(text)


def parse_mounts(text: str) -> Iterator[tuple[Path, str]]:
    r"""Read /proc/mounts: `device place kind options`, with `\040` for a space."""
    for line in text.splitlines():
        parts = line.split(" ")
        if len(parts) >= 3:
            place = parts[1]
            for code, plain in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
                place = place.replace(code, plain)
            yield Path(place), parts[2]


def _darwin() -> Iterator[tuple[Path, str]]:
    try:
        run = subprocess.run(
            ["/sbin/mount"], capture_output=True, text=True, timeout=2, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return
    yield from parse_mount_program(run.stdout)


def parse_mount_program(text: str) -> Iterator[tuple[Path, str]]:
    """Read what mount prints on macOS: `device on place (kind, option, …)`."""
    for line in text.splitlines():
        _, found, rest = line.partition(" on ")
        place, _, options = rest.rpartition(" (")
        if found:
            yield Path(place), options.split(",")[0].rstrip(")")
