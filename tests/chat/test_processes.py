"""Eight real processes open conversations at once."""

from collections import Counter
import json
import subprocess

import pytest

from segctl.store.opening import Store
from tests.chat.chats import address, contact, group, simple, team
from tests.conftest import Processes, rows
from tests.engine.workspace import sql

PROCESSES = 8
CONVERSATIONS = 2_000
TEAM = ("anna", "ben", "cy", "dan", "eva")


def lines(number: int, process: int) -> bytes:
    wanted = [{"contact": f"c{n % 7}", "external_id": f"p{process}-{n}"} for n in range(number)]
    return "".join(json.dumps(each) + "\n" for each in wanted).encode()


def opening(processes: Processes, store: Store) -> "subprocess.Popen[bytes]":
    return processes.start("conversations", "open", "--stdin", "-o", "ndjson", store=store)


@pytest.mark.parametrize("strategy", ["round_robin", "least_open"])
def test_every_conversation_is_assigned_once_and_fairly(
    store: Store, segctl_process: Processes, strategy: str
):
    team(store, *TEAM)
    group(store, "Sales", *TEAM, strategy=strategy)
    simple(store, "Rich", "score > 50", address("anna"), enabled=False)
    simple(store, "All", "everything", "Sales")
    for n in range(7):
        contact(store, f"c{n}", score=n)
    share = CONVERSATIONS // PROCESSES
    started = [opening(segctl_process, store) for _ in range(PROCESSES)]
    for n, process in enumerate(started):
        assert process.stdin is not None
        process.stdin.write(lines(share, n))
        process.stdin.close()
        process.stdin = None
    answers = []
    for n, process in enumerate(started):
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err.decode()
        mine = rows(out.decode())
        assert [each["external_id"] for each in mine] == [f"p{n}-{i}" for i in range(share)]
        answers += mine
    assert len({each["id"] for each in answers}) == CONVERSATIONS
    stored = sql(store, "SELECT id, member_id, group_id FROM conversation")
    assert len(stored) == CONVERSATIONS
    told = {each["id"]: each["member"] for each in answers}
    names = {row[0]: row[1] for row in sql(store, "SELECT id, email FROM team_member")}
    assert {row[0]: names[row[1]] for row in stored} == told
    counts = Counter(row[1] for row in stored)
    assert len(counts) == len(TEAM)
    assert max(counts.values()) - min(counts.values()) <= 1
    turns = [row[0] for row in sql(store, "SELECT turn FROM team_group_turn")]
    assert max(turns) == CONVERSATIONS


def test_the_same_chats_from_several_processes_are_opened_once(
    store: Store, segctl_process: Processes
):
    team(store, "anna")
    simple(store, "All", "everything", address("anna"))
    wanted = [
        {"email": f"new{n % 10}@example.com", "external_id": f"chat-{n}", "create": True}
        for n in range(40)
    ]
    text = "".join(json.dumps(each) + "\n" for each in wanted).encode()
    started = [opening(segctl_process, store) for _ in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None
    seen = []
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err.decode()
        seen.append(rows(out.decode()))
    assert len({tuple(each["id"] for each in mine) for mine in seen}) == 1
    assert sum(each["created"] for mine in seen for each in mine) == 40
    assert sql(store, "SELECT count(*) FROM conversation") == [(40,)]
    assert sql(store, "SELECT count(*) FROM contact") == [(10,)]


def test_each_answer_comes_before_the_next_line_is_there(store: Store, segctl_process: Processes):
    team(store, "anna")
    simple(store, "All", "everything", address("anna"))
    contact(store, "c")
    process = opening(segctl_process, store)
    assert process.stdin is not None
    assert process.stdout is not None
    for n in range(3):
        process.stdin.write(b'{"contact": "c"}\n')
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        # It is committed already: another connection sees it.
        found = sql(store, "SELECT count(*) FROM conversation WHERE id = :id", id=answer["id"])
        assert (found, answer["member"]) == ([(1,)], address("anna"))
        sql(store, "SELECT count(*) FROM conversation")
        assert n + 1 == sql(store, "SELECT count(*) FROM conversation")[0][0]
    process.stdin.write(b'{"contact": "c"}')  # the last line needs no end
    out, err = process.communicate(timeout=60)
    assert (len(rows(out.decode())), process.returncode) == (1, 0), err


def test_a_rule_that_is_made_meanwhile_holds_from_the_next_line_on(
    store: Store, segctl_process: Processes
):
    team(store, "anna")
    contact(store, "c")
    process = opening(segctl_process, store)
    assert process.stdin is not None
    assert process.stdout is not None

    def ask() -> str | None:
        process.stdin.write(b'{"contact": "c"}\n')
        process.stdin.flush()
        member: str | None = json.loads(process.stdout.readline())["member"]
        return member

    assert ask() is None
    simple(store, "All", "everything", address("anna"))
    assert ask() == address("anna")
    process.communicate(timeout=60)
