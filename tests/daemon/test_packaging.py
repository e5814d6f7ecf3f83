"""Units, images and examples are at least well formed, and call commands that exist."""

import configparser
from pathlib import Path
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from segctl.cli.main import commands
from tests.conftest import ROOT

UNITS = sorted((ROOT / "packaging" / "systemd").iterdir())
DOCKER = ROOT / "packaging" / "docker"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def options_of(words: list[str]) -> tuple[list[str], set[str]]:
    """The names of the commands in a call, and the options that they take."""
    command = commands()
    known = {option for parameter in command.params for option in parameter.opts}
    path = []
    for word in words:
        below = getattr(command, "commands", {})
        if word in below:
            command = below[word]
            path.append(word)
            known |= {option for parameter in command.params for option in parameter.opts}
    return path, known


def check_call(line: str) -> None:
    """A call of segctl names a command, and only options that it has."""
    words = shlex.split(line, comments=True)
    words = words[next(n for n, word in enumerate(words) if word.endswith("segctl")) + 1 :]
    words = words[: next((n for n, w in enumerate(words) if w in (">>", "|", "&&")), len(words))]
    path, known = options_of(words)
    assert path, line
    assert {word for word in words if word.startswith("-")} <= known, line


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_verified(unit: Path, tmp_path: Path, clean_environment: Path):
    class Repeating(dict):
        """systemd lets keys come twice."""

        def __setitem__(self, key, value):
            if key in self and isinstance(value, list):
                self[key].extend(value)
            else:
                super().__setitem__(key, value)

    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(unit)
    assert "Unit" in parser.sections()
    if unit.suffix == ".service":
        check_call(parser["Service"]["ExecStart"])
        assert parser["Service"]["SuccessExitStatus"] == "143"
        assert parser["Service"]["NoNewPrivileges"] == "yes"
    if shutil.which("systemd-analyze") is None:
        return
    for other in UNITS:
        # The program is not installed here.
        text = other.read_text().replace("/opt/segctl/bin/segctl", "/bin/true")
        (tmp_path / other.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    mine = [line for line in done.stderr.splitlines() if "segctl" in line]
    assert (done.returncode, mine) == (0, []), done.stderr


def test_the_dockerfile_is_well_formed_and_runs_the_daemon(clean_environment: Path):
    path = DOCKER / "Dockerfile"
    if shutil.which("hadolint"):
        subprocess.run(["hadolint", path], check=True)
    text = re.sub(r"\\\n", " ", path.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    words = {line.split()[0] for line in lines}
    known = set(
        "FROM COPY RUN ENV USER WORKDIR VOLUME STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD".split()
    )
    assert words <= known
    assert lines[0].startswith("FROM ")
    user = max(n for n, line in enumerate(lines) if line.startswith("USER "))
    assert user < next(n for n, line in enumerate(lines) if line.startswith("ENTRYPOINT"))
    for line in lines:
        if found := re.search(r"CMD (\[.*\])$", line):
            call = yaml.safe_load(found[1])
            check_call(shlex.join(call if call[0] == "segctl" else ["segctl", *call]))
        for source in re.findall(r"^COPY (?!--from)(.+) /\S+$", line):
            for name in source.split():
                assert (ROOT / name).exists()


def test_the_compose_file_is_well_formed(clean_environment: Path):
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"database", "setup", "segctl"}
    for service in services.values():
        for name in service.get("depends_on", {}):
            assert name in services
        assert set(service.get("secrets", [])) <= set(compose["secrets"])
        if "build" in service:
            folder = (DOCKER / service["build"]["context"]).resolve()
            assert (folder / service["build"]["dockerfile"]).is_file()
            check_call(shlex.join(["segctl", *service["command"]]))


def blocks(kind: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", OPERATIONS, re.DOTALL | re.MULTILINE)
    return [text for word, text in found if word == kind]


def test_the_cron_line_is_well_formed(clean_environment: Path):
    (line,) = blocks("cron")
    fields = line.split(None, 6)
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in fields[:5])
    assert fields[5] == "segctl"
    check_call(line.split("segctl.toml", 1)[1])


def test_the_workflow_is_well_formed(clean_environment: Path):
    (text,) = blocks("yaml")
    workflow = yaml.safe_load(text)
    steps = workflow["jobs"]["recalculate"]["steps"]
    calls = [step["run"] for step in steps if step.get("run", "").startswith("segctl")]
    assert len(calls) == 2
    for call in calls:
        check_call(call)


def test_the_commands_of_the_page_exist(clean_environment: Path):
    calls = [line for block in blocks("") for line in block.splitlines() if "segctl" in line]
    assert len(calls) > 5
    for call in calls:
        check_call(call)


def test_the_hooks_of_the_page_are_read(tmp_path: Path):
    import tomllib

    from segctl.config_hooks import read_hooks

    (text,) = blocks("toml")
    hooks = read_hooks(tomllib.loads(text)["hooks"], tmp_path / "segctl.toml")
    assert [hook.name for hook in hooks] == ["crm", "log"]


def test_the_example_of_a_receiver_accepts_what_is_signed():
    import hashlib
    import hmac
    import io

    from segctl.services.hook_calls import sign

    (text,) = blocks("python")
    names = {"hmac": hmac, "hashlib": hashlib}
    exec(text, names)
    header = sign(io.BytesIO(b"body"), "s3cret", 1000)
    assert names["is_genuine"](header, b"body", b"s3cret", 1100.0)
    assert not names["is_genuine"](header, b"bode", b"s3cret", 1100.0)
    assert not names["is_genuine"](header, b"body", b"s3cret", 9999.0)


def test_the_events_of_the_page_are_those_of_the_code():
    from segctl.daemon.events import Kind

    missing = [kind.value for kind in Kind if f"`{kind.value}`" not in OPERATIONS]
    assert missing == []
