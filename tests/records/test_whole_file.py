"""Files that are there whole or not at all."""

import errno
from pathlib import Path

import pytest

from segctl.errors import FileError
from segctl.services.whole_file import WholeFile, cannot


def test_a_file_is_there_once_it_is_placed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with WholeFile(path) as file:
        file.write(b"new")
        file.complete()
        assert not path.exists()
        file.place()
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]


def test_a_file_that_was_not_placed_is_gone(tmp_path: Path) -> None:
    with WholeFile(tmp_path / "x") as file:
        file.write(b"new")
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_has_the_mode_that_the_umask_says(tmp_path: Path) -> None:
    import os

    before = os.umask(0o027)
    try:
        with WholeFile(tmp_path / "x") as file:
            file.complete()
            file.place()
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("size", [1, 2 << 20])
def test_a_device_that_is_full_is_a_file_error(size: int) -> None:
    """A large text fails when it is written, a small one when it is completed."""
    path = Path("/dev/full")
    if not path.exists():
        pytest.skip("/dev/full is not on this machine")

    def write() -> None:
        with WholeFile(path) as file:
            file.write(b"x" * size)
            file.complete()

    with pytest.raises(FileError, match="cannot write /dev/full: the disk is full"):
        write()


def test_a_directory_in_the_way_is_a_file_error(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with WholeFile(path) as file:
        path.mkdir()
        file.complete()
        with pytest.raises(FileError, match="it is a directory"):
            file.place()


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOENT, "there is no such file or folder"),
        (errno.EACCES, "permission denied"),
        (errno.EISDIR, "it is a directory"),
        (errno.ENOSPC, "the disk is full"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_the_reasons_of_the_operating_system(number: int, reason: str) -> None:
    import os

    error = cannot("read", "x", OSError(number, os.strerror(number)))
    assert error.message == f"cannot read x: {reason}"
