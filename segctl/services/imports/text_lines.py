"""The lines of a text file, decoded so that a bad byte spoils one value and not the whole file.

A byte that does not decode becomes a lone surrogate, which no value may contain; so the row that
has it is refused with line and column, as for any other bad value.
"""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
import io
from typing import Final

from segctl.errors import FileError
from segctl.services.imports.sources import Source

MAX_LINE: Final = 32 << 20
"""Characters that are read of one line; a longer one comes in pieces."""

_BLOCK: Final = 1 << 16


@contextmanager
def text_lines(source: Source) -> Iterator[tuple[Iterator[str], io.BufferedReader]]:
    """The lines with their ends, and the raw file whose position tells how far reading is.

    Lines end at a line feed; a carriage return before it belongs to them. FileError if the bytes
    cannot be decoded at all.
    """
    encoding = "utf-8-sig" if source.encoding == "utf-8" else source.encoding
    with source.open() as (stream, raw):
        newline = "" if _old_mac(stream) else "\n"
        wrapper = io.TextIOWrapper(stream, encoding, errors="surrogateescape", newline=newline)
        try:
            yield iter(partial(wrapper.readline, MAX_LINE), ""), raw
        except UnicodeError as error:
            offset = _bad_offset(source)
            raise FileError(
                f"{source.name} is not {source.encoding.upper()}: byte {offset + 1:,} does not fit",
                hint="--encoding names another one",
            ) from error
        finally:
            wrapper.detach()


def undecoded(text: str, encoding: str) -> str | None:
    """Why a text that was read has bytes which did not decode; None if it has none."""
    for position, character in enumerate(text, start=1):
        if "\udc80" <= character <= "\udcff":
            return (
                f"character {position} is the byte 0x{ord(character) - 0xDC00:02X}, which is not "
                f"{encoding.upper()} here"
            )
    return None


def _old_mac(stream: io.BufferedReader) -> bool:
    """Whether lines end with a bare carriage return."""
    head = stream.peek(_BLOCK)[:_BLOCK]
    return b"\r" in head and b"\n" not in head


def _bad_offset(source: Source) -> int:
    """The offset of the first byte that does not decode."""
    decoder = codecs.getincrementaldecoder(source.encoding)()
    read = 0
    with source.open() as (stream, _):
        while block := stream.read(_BLOCK):
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return read - pending + error.start
            except UnicodeError:
                return read
            read += len(block)
    return read
