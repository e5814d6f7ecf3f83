"""The console blocks of a Markdown page: commands to run, and what the page says they print.

    python -m tests.readme README.md

runs them and writes what they print today into the page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Step:
    """One command (continuation lines included) and the lines that follow it."""

    command: str
    output: str


BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(page: str) -> list[Step]:
    """The commands of all console blocks, in order."""
    return [step for block in BLOCK.findall(page) for step in _steps(block)]


def _steps(block: str) -> Iterator[Step]:
    command: list[str] = []
    output: list[str] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            if command:
                yield Step("\n".join(command), "\n".join(output).strip("\n"))
            command, output = [line[2:]], []
        elif command and command[-1].endswith("\\"):
            command.append(line)
        else:
            output.append(line)
    if command:
        yield Step("\n".join(command), "\n".join(output).strip("\n"))


class Shell:
    """A folder in which the commands of a page run one after the other, as a new user's would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        program = programs / "segctl"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m segctl "$@"\n')
        program.chmod(0o755)
        (folder / "examples").symlink_to(ROOT / "examples")
        self.environment: Mapping[str, str] = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            # As on a terminal: data and talk in the order in which they are said.
            "PYTHONUNBUFFERED": "1",
        }

    def run(self, command: str) -> str:
        """What the command prints, both streams as they come, and its exit code unless it is 0."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        text = done.stdout.decode().replace(str(self.folder), "~").rstrip("\n")
        text = "\n".join(line.rstrip() for line in text.splitlines())
        return f"{text}\n[exit code {done.returncode}]".lstrip("\n") if done.returncode else text


_VARIES = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?Z?"), "TIME"),
    (re.compile(r"\((just now|in \d+ \w+|\d+ \w+ ago)\)|just now|\d+ (s|min) ago"), "AGO"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s)\b"), "DURATION"),
    (re.compile(r"[ ─]{2,}"), " "),
)


def steady(text: str) -> str:
    """The text without what differs from run to run: times, durations, widths of columns."""
    for pattern, replacement in _VARIES:
        text = pattern.sub(replacement, text)
    return text


def refreshed(page: str) -> str:
    """The page with what its commands print today."""
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder))

        def block(found: re.Match[str]) -> str:
            lines: list[str] = []
            for step in _steps(found[1]):
                ran = replace(step, output=shell.run(step.command))
                lines.append(f"$ {ran.command}")
                lines += [ran.output, ""] if ran.output else []
            return "```console\n" + "\n".join(lines).rstrip("\n") + "\n```"

        return BLOCK.sub(block, page)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(refreshed(path.read_text()))
