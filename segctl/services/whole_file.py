"""Writing files that are there whole or not at all."""

import errno
import os
from pathlib import Path
import stat
import tempfile
from types import TracebackType
from typing import IO, Self

from segctl.errors import FileError


def cannot(act: str, name: str, error: OSError) -> FileError:
    """The FileError of an operating system error: `cannot read x: permission denied`."""
    reason = error.strerror or str(error) or type(error).__name__
    hint = None
    match error.errno:
        case errno.ENOENT:
            reason = "there is no such file or folder"
        case errno.EACCES | errno.EPERM:
            reason = "permission denied"
        case errno.EISDIR:
            reason = "it is a directory"
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            reason, hint = "the disk is full", "nothing was left half-written; make room first"
    return FileError(f"cannot {act} {name}: {reason}", hint=hint, file=name)


class WholeFile:
    """A file that is written beside its place and put there by `place`, in one step.

    Until then, and if anything goes wrong, what was there stays. What is no regular file (a pipe,
    /dev/stdout) is written directly. Every failure to write is a FileError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: IO[bytes] | None = None
        self._beside: Path | None = None

    def __enter__(self) -> Self:
        try:
            if self.path.exists() and not self.path.is_file():
                self._stream = self.path.open("wb")
            else:
                descriptor, name = tempfile.mkstemp(
                    dir=self.path.parent, prefix=f".{self.path.name}.", suffix=".new"
                )
                self._beside = Path(name)
                self._stream = os.fdopen(descriptor, "wb", 1 << 20)
        except OSError as error:
            raise cannot("write", str(self.path), error) from error
        return self

    @property
    def stream(self) -> IO[bytes]:
        """Where to write; for libraries. `write` names the file if it fails."""
        assert self._stream is not None
        return self._stream

    def write(self, data: bytes) -> None:
        try:
            self.stream.write(data)
        except OSError as error:
            raise cannot("write", str(self.path), error) from error

    def complete(self) -> None:
        """Have everything on the disk."""
        try:
            self.stream.flush()
            if self._beside is not None:
                os.fsync(self.stream.fileno())
        except OSError as error:
            raise cannot("write", str(self.path), error) from error

    def place(self) -> None:
        """Put the complete file in its place, with the mode of the one that was there."""
        if self._beside is None:
            return
        try:
            self._beside.chmod(self._mode())
            self._beside.replace(self.path)
        except OSError as error:
            raise cannot("write", str(self.path), error) from error
        self._beside = None

    def _mode(self) -> int:
        try:
            return stat.S_IMODE(self.path.stat().st_mode)
        except FileNotFoundError:
            umask = os.umask(0)
            os.umask(umask)
            return 0o666 & ~umask

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._stream is not None:
            try:
                self._stream.close()
            except OSError as failed:
                if error is None and self._beside is None:
                    raise cannot("write", str(self.path), failed) from failed
        if self._beside is not None:
            self._beside.unlink(missing_ok=True)
