"""Hooks: the outbox, commands, webhooks, signatures, trying again, giving up."""

from collections.abc import Iterator
import datetime as dt
import hashlib
import hmac
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import os
from pathlib import Path
import sys
import threading
import time
from typing import Any

import pytest

from segctl.config_hooks import Hook, read_hooks
from segctl.errors import NotFound, SegctlError
from segctl.services import hooks, recalculation, segments
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import ACTOR, companies, segment, sql

SAVE = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())"


def hook(tmp_path: Path, **more: Any) -> Hook:
    (made,) = read_hooks([{"name": "h", **more}], tmp_path / "segctl.toml")
    return made


def saver(tmp_path: Path, **more: Any) -> Hook:
    """A hook whose command saves what it is told."""
    return hook(tmp_path, on_change=[sys.executable, "-c", SAVE, "said"], **more)


def said(tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "said"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def recalc(store: Store, *told: Hook, now: dt.datetime = NOW) -> Any:
    return recalculation.recalculate(store, now=now, hooks=told)


def deliver(
    store: Store, told: Hook, now: dt.datetime = NOW, secret: str | None = None, **more: Any
) -> hooks.Attempt | None:
    return hooks.deliver_next(store, told, secret, now=now, environ=os.environ, **more)


def waiting(store: Store) -> int:
    return len(hooks.list_deliveries(store, state="waiting"))


# ---------------------------------------------------------------- the outbox


def test_a_hook_hears_who_entered_and_left(store: Store, tmp_path: Path):
    told = saver(tmp_path)
    a, b, c = companies(store, [60, 70, 10])
    segment(store, "Big", "size > 50")
    recalc(store, told)
    assert deliver(store, told).error is None
    assert [(line["change"], line["record_id"]) for line in said(tmp_path)] == [
        ("entered", a),
        ("entered", b),
    ]
    sql(store, "UPDATE company SET size = 80 - size, external_id = 'x' || id")
    later = NOW + dt.timedelta(hours=1)
    recalc(store, told, now=later)
    assert deliver(store, told, later).error is None
    assert deliver(store, told, later) is None
    left, also, entered = said(tmp_path)[2:]
    assert [(line["change"], line["record_id"]) for line in (left, also, entered)] == [
        ("left", a),
        ("left", b),
        ("entered", c),
    ]
    assert entered["external_id"] == f"x{c}"
    assert entered["name"] == "Company 10"
    assert entered["segment"] == "Big"
    assert entered["type"] == "company"
    assert entered["at"].endswith("Z")
    assert {"run", "segment_id", "delivery"} <= entered.keys()


def test_nothing_is_told_where_nothing_changed(store: Store, tmp_path: Path):
    told = saver(tmp_path)
    companies(store, [60])
    segment(store, "Big", "size > 50")
    recalc(store, told)
    recalc(store, told)
    assert waiting(store) == 1


def test_the_members_of_a_first_fill_are_told_although_some_have_left_since(
    store: Store, tmp_path: Path
):
    told = saver(tmp_path)
    ids = companies(store, [60, 70])
    segment(store, "Big", "size > 50")
    recalc(store, told)
    sql(store, "UPDATE company SET size = 1 WHERE id = :id", id=ids[0])
    recalc(store, told)
    deliver(store, told)
    assert [line["record_id"] for line in said(tmp_path)] == ids


def test_a_deleted_record_leaves_with_nothing_but_its_id(store: Store, tmp_path: Path):
    told = saver(tmp_path)
    (id,) = companies(store, [60])
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(store, "DELETE FROM company")
    recalc(store, told)
    deliver(store, told)
    (line,) = said(tmp_path)
    assert (line["change"], line["record_id"], line["name"]) == ("left", id, None)


def test_a_run_that_fails_tells_nothing(store: Store, tmp_path: Path):
    told = saver(tmp_path)
    companies(store, [60, 70, 80])
    segment(store, "Big", "size > 50", max_change="1")
    recalc(store)
    sql(store, "UPDATE company SET size = 1")
    recalc(store, told)
    assert hooks.list_deliveries(store) == []


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({}, {"Big", "Small", "Deals"}),
        ({"segments": ["big", "Deals"]}, {"Big", "Deals"}),
        ({"type": "deal"}, {"Deals"}),
        ({"type": "deal", "segments": ["Big"]}, set()),
    ],
)
def test_a_hook_hears_of_the_segments_that_it_names(
    store: Store, tmp_path: Path, more: dict[str, Any], names: set[str]
):
    companies(store, [60, 10])
    sql(store, "INSERT INTO deal (name) VALUES ('d')")
    segment(store, "Big", "size > 50")
    segment(store, "Small", "size < 50")
    segment(store, "Deals", "everything", "deal")
    recalc(store, saver(tmp_path, **more))
    assert {d.segment for d in hooks.list_deliveries(store)} == names


def test_deliveries_go_with_their_segment(store: Store, tmp_path: Path):
    told = saver(tmp_path)
    companies(store, [60])
    segment(store, "Big", "size > 50")
    recalc(store, told)
    segments.delete(store, "Big", now=NOW, actor=ACTOR)
    assert hooks.list_deliveries(store) == []
    assert deliver(store, told) is None


# ---------------------------------------------------------------- failing commands


@pytest.fixture
def told_of(store: Store) -> Any:
    """Something to tell: one delivery waits."""

    def make(hook: Hook) -> Hook:
        companies(store, [60])
        segment(store, "Big", "size > 50")
        recalc(store, hook)
        return hook

    return make


FAIL = [sys.executable, "-c", "import sys; print('no\\nway', file=sys.stderr); sys.exit(3)"]


def test_a_failed_delivery_is_tried_again_later_and_later(store: Store, tmp_path, told_of):
    told = told_of(hook(tmp_path, on_change=FAIL, attempts=3))
    now = NOW
    for wait in (10, 20):
        attempt = deliver(store, told, now)
        assert attempt.error == "the command ended with 3: no way"
        assert not attempt.dead
        assert deliver(store, told, now) is None
        now += dt.timedelta(seconds=wait)
    assert deliver(store, told, now).dead
    (dead,) = hooks.list_deliveries(store, state="dead")
    assert (dead.attempts, dead.last_error) == (3, "the command ended with 3: no way")
    assert deliver(store, told, now + dt.timedelta(days=1)) is None


def test_a_dead_delivery_can_be_retried(store: Store, tmp_path, told_of):
    told = told_of(hook(tmp_path, on_change=FAIL, attempts=1))
    assert deliver(store, told).dead
    (dead,) = hooks.list_deliveries(store, state="dead")
    mended = saver(tmp_path)
    assert [d.id for d in hooks.retry(store, [dead.id], now=NOW, actor=ACTOR)] == [dead.id]
    assert deliver(store, mended).error is None
    assert len(said(tmp_path)) == 1
    (row,) = sql(store, "SELECT action, subject FROM audit_entry WHERE action = 'retry'")
    assert tuple(row) == ("retry", f"h/{dead.id}")
    with pytest.raises(SegctlError, match="delivered already"):
        hooks.retry(store, [dead.id], now=NOW, actor=ACTOR)
    with pytest.raises(NotFound):
        hooks.retry(store, [999], now=NOW, actor=ACTOR)
    assert hooks.retry(store, hook="h", now=NOW, actor=ACTOR) == []


def test_later_changes_of_a_segment_wait_for_earlier_ones(store: Store, tmp_path, told_of):
    told = told_of(hook(tmp_path, on_change=FAIL))
    sql(store, "UPDATE company SET size = 1")
    recalc(store, told)
    segment(store, "Small", "size < 50")
    recalc(store, told)
    assert deliver(store, told).delivery.segment == "Big"
    assert deliver(store, told).delivery.segment == "Small"
    assert deliver(store, told) is None
    assert deliver(store, saver(tmp_path), NOW + dt.timedelta(minutes=1)).delivery.segment == "Big"
    assert deliver(store, saver(tmp_path), NOW + dt.timedelta(minutes=1)).delivery.segment == "Big"
    assert [line["change"] for line in said(tmp_path)] == ["entered", "left"]


def test_a_command_that_takes_too_long_is_ended_with_its_children(store: Store, tmp_path, told_of):
    script = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', "
        "'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    told = told_of(hook(tmp_path, on_change=[sys.executable, "-c", script], timeout=2))
    attempt = deliver(store, told)
    assert attempt.error == "the command took longer than 2 s and was ended"
    pid = int((tmp_path / "child").read_text())
    end = time.monotonic() + 10
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(pid)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_that_is_not_there_is_a_failure(store: Store, tmp_path, told_of):
    told = told_of(hook(tmp_path, on_change=["./not-there"]))
    assert "cannot be started" in deliver(store, told).error


def test_a_command_that_does_not_read_is_fine(store: Store, tmp_path, told_of):
    told = told_of(hook(tmp_path, on_change=[sys.executable, "-c", ""]))
    assert deliver(store, told).error is None


def test_a_command_knows_what_it_is_told(store: Store, tmp_path, told_of):
    script = "import os, json; json.dump(dict(os.environ), open('env', 'w'))"
    told = told_of(hook(tmp_path, on_change=[sys.executable, "-c", script]))
    deliver(store, told, secret="s3cret")
    env = json.loads((tmp_path / "env").read_text())
    assert env["SEGCTL_HOOK"] == "h"
    assert env["SEGCTL_HOOK_SEGMENT"] == "Big"
    assert env["SEGCTL_HOOK_SIGNATURE"].startswith(f"t={round(NOW.timestamp())},v1=")


def test_a_stopped_delivery_waits_as_if_it_had_not_been_tried(store: Store, tmp_path, told_of):
    told = told_of(hook(tmp_path, on_change=[sys.executable, "-c", "import time; time.sleep(60)"]))
    assert deliver(store, told, stopped=lambda: True) is None
    (delivery,) = hooks.list_deliveries(store)
    assert (delivery.attempts, delivery.next_attempt_at) == (0, NOW)


def test_a_delivery_that_nobody_came_back_from_is_tried_again(store: Store, tmp_path, told_of):
    told = told_of(saver(tmp_path))
    assert hooks._claim(store, told, NOW) is not None
    assert deliver(store, told) is None
    assert deliver(store, told, NOW + dt.timedelta(seconds=89)) is None
    assert deliver(store, told, NOW + dt.timedelta(seconds=91)).error is None


def test_a_clock_that_was_set_back_does_not_put_deliveries_off(store: Store, tmp_path, told_of):
    told = told_of(saver(tmp_path))
    assert deliver(store, told, NOW - dt.timedelta(days=1)).error is None


def test_two_who_deliver_at_once_take_different_ones(store: Store, tmp_path, told_of):
    told = told_of(saver(tmp_path))
    segment(store, "Also big", "size > 40")
    recalc(store, told)
    first, second = hooks._claim(store, told, NOW), hooks._claim(store, told, NOW)
    assert {first.segment, second.segment} == {"Big", "Also big"}
    assert hooks._claim(store, told, NOW) is None


def test_old_deliveries_are_forgotten(store: Store, tmp_path, told_of):
    told = told_of(saver(tmp_path))
    assert hooks.prune(store, now=NOW + dt.timedelta(days=400)) == 0
    deliver(store, told)
    assert hooks.prune(store, now=NOW + dt.timedelta(days=6)) == 0
    assert hooks.prune(store, now=NOW + dt.timedelta(days=8)) == 1


def test_what_was_pruned_from_the_history_is_told_as_nothing(store: Store, tmp_path, told_of):
    told = told_of(saver(tmp_path))
    sql(store, "DELETE FROM recalculation")
    assert deliver(store, told).error is None
    assert said(tmp_path) == []


def test_hooks_are_listed_with_how_their_deliveries_stand(store: Store, tmp_path, told_of):
    told = told_of(hook(tmp_path, on_change=FAIL, attempts=1, secret_env="S"))
    deliver(store, told)
    (view,) = hooks.list_hooks(store, [told])
    assert (view.waiting, view.delivered, view.dead, view.signed) == (0, 0, 1, True)
    assert view.last_error == "the command ended with 3: no way"
    other = hook(tmp_path, webhook="https://u:p@host.example/x?token=y")
    (only,) = hooks.list_hooks(store, [other])
    assert only.target == "https://host.example/x"
    (gone,) = hooks.list_hooks(store, [])
    assert (gone.name, gone.target, gone.dead) == ("h", None, 1)


# ---------------------------------------------------------------- webhooks


class Receiver:
    """A server that keeps what it is sent and answers as told."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, bytes]] = []
        self.answer: Any = lambda handler: handler.send_error(204)
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                receiver.seen.append((self.headers, self.rfile.read(length)))
                receiver.answer(self)

            def log_message(self, *words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/in?key=1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def ok(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.answer = ok
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_webhook_gets_the_lines_signed(store: Store, tmp_path, told_of, receiver: Receiver):
    told = told_of(hook(tmp_path, webhook=receiver.address))
    assert deliver(store, told, secret="s3cret").error is None
    ((headers, body),) = receiver.seen
    (line,) = [json.loads(line) for line in body.splitlines()]
    assert (line["change"], line["segment"]) == ("entered", "Big")
    assert headers["Content-Type"] == "application/x-ndjson"
    assert headers["X-Segctl-Delivery"] == str(line["delivery"])
    time_part, _, signature = headers["X-Segctl-Signature"].partition(",v1=")
    made = hmac.new(b"s3cret", time_part.removeprefix("t=").encode() + b"." + body, hashlib.sha256)
    assert hmac.compare_digest(signature, made.hexdigest())
    assert time_part == f"t={round(NOW.timestamp())}"


def test_without_a_secret_nothing_is_signed(store: Store, tmp_path, told_of, receiver: Receiver):
    told = told_of(hook(tmp_path, webhook=receiver.address))
    deliver(store, told)
    assert "X-Segctl-Signature" not in receiver.seen[0][0]


def test_a_webhook_that_refuses_is_tried_again(store: Store, tmp_path, told_of, receiver: Receiver):
    told = told_of(hook(tmp_path, webhook=receiver.address))

    def refuse(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(503)
        handler.end_headers()
        handler.wfile.write(b"not\nnow")

    receiver.answer = refuse
    assert deliver(store, told).error == "the webhook answered 503 Service Unavailable: not now"
    receiver.answer = ok
    assert deliver(store, told, NOW + dt.timedelta(minutes=1)).error is None
    assert receiver.seen[0][1] == receiver.seen[1][1]


def test_a_redirect_is_no_delivery(store: Store, tmp_path, told_of, receiver: Receiver):
    told = told_of(hook(tmp_path, webhook=receiver.address))

    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/elsewhere")
        handler.end_headers()

    receiver.answer = elsewhere
    assert "302" in deliver(store, told).error


def test_a_webhook_that_trickles_is_given_up_in_time(
    store: Store, tmp_path, told_of, receiver: Receiver
):
    told = told_of(hook(tmp_path, webhook=receiver.address, timeout=1))
    stop = threading.Event()

    def trickle(handler: BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not stop.wait(0.2):
                handler.wfile.write(b"X: y\r\n")
        except OSError:
            pass

    receiver.answer = trickle
    assert deliver(store, told).error == "the webhook could not be called: no answer within 1 s"
    stop.set()


def test_a_webhook_that_is_not_there_is_a_failure(store: Store, tmp_path, told_of):
    told = told_of(hook(tmp_path, webhook="http://127.0.0.1:9/"))
    assert "could not be called" in deliver(store, told).error


def test_a_login_in_the_address_is_sent_and_never_shown(
    store: Store, tmp_path, told_of, receiver: Receiver
):
    address = receiver.address.replace("http://", "http://me:pa%20ss@")
    told = told_of(hook(tmp_path, webhook=address))
    assert deliver(store, told).error is None
    assert receiver.seen[0][0]["Authorization"] == "Basic bWU6cGEgc3M="
    assert "pa" not in told.target
