"""Run a program on a terminal of a given size, as a person would see it."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios


def on_a_terminal(
    words: list[str],
    columns: int = 80,
    answer: str = "",
    env: dict[str, str] | None = None,
    program: tuple[str, ...] = (sys.executable, "-m", "segctl"),
) -> tuple[int, str]:
    """The exit code and all that appeared on the screen. `answer` is typed at once."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    attributes = termios.tcgetattr(theirs)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    process = subprocess.Popen(
        [*program, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", **(env or {})},
    )
    os.close(theirs)
    if answer:
        os.write(ours, answer.encode())
    seen = bytearray()
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    return process.wait(60), seen.decode().replace("\r\n", "\n")
