"""`segctl init`: a store, and a segctl.toml that names it."""

import os
from pathlib import Path

from segctl.cli import context, output
from segctl.config import FILE_NAME
from segctl.errors import AlreadyExists, FileError

STORE = "segctl.sqlite"
"""The store that is made where none is named."""
SECRET = "segctl.store"  # noqa: S105  a file's name
"""Holds the address of the store where that has a password in it."""

HEADER = """\
# Settings of segctl in this folder and below; see config.example.toml.
# A relative path starts at this file.
"""


def command() -> None:
    """Set up a store, and a segctl.toml that names it.

    Without --store it is a SQLite file in this folder. A segctl.toml that is there already is left
    as it is, and the store that it names is set up. A password is never written into it: an address
    that has one goes into the file segctl.store, for its owner only.

    Example: segctl init --store postgresql://me@db.example.com/crm
    """
    run = context.current()
    file = run.config or Path(os.environ.get("SEGCTL_CONFIG") or FILE_NAME)
    if file.exists():
        if run.store is not None:
            raise AlreadyExists(
                f"{file} is there already, and may name another store",
                hint="without --store, segctl init sets up the store that it names",
            )
        output.note(f"set up {_set_up(context.store_url())}")
        return
    if run.store is None and os.environ.get("SEGCTL_STORE"):
        output.note(f"set up {_set_up(os.environ['SEGCTL_STORE'])}, which SEGCTL_STORE names")
        return
    _write_and_set_up(file, run.store or STORE)


def _write_and_set_up(file: Path, url: str) -> None:
    """Write the config, and take it away again if the store cannot be set up."""
    import tomli_w

    from segctl.store.address import SqliteAddress, parse_address, without_secrets

    address = parse_address(url)
    settings = {"store": url}
    written = [file]
    if isinstance(address, SqliteAddress):
        if not Path(url).is_absolute() and file.parent.absolute() != Path.cwd():
            settings = {"store": str(address)}
    elif without_secrets(url)[1] is not None:
        settings = {"store_file": SECRET}
        written.append(file.with_name(SECRET))
    try:
        _write(file, HEADER + tomli_w.dumps(settings), 0o644)
        if len(written) > 1:
            _write(written[1], url + "\n", 0o600)
        place = _set_up(url)
    except BaseException:
        _undo(written)
        raise
    output.note(f"set up {place}, and wrote {file}")
    if len(written) > 1:
        output.note(
            f"the address and its password are in {written[1]}: "
            "keep that file out of version control"
        )


def _set_up(url: str) -> str:
    from segctl.services import stores

    return stores.init(url, now=context.now(), actor=context.actor())


def _write(file: Path, text: str, mode: int) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError as error:
        raise AlreadyExists(f"{file} is there already") from error
    except OSError as error:
        raise FileError(f"{file} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)


def _undo(files: list[Path]) -> None:
    for file in files:
        file.unlink(missing_ok=True)
