"""`segctl serve`: what it answers, what it refuses, how it ends."""

import signal
import socket
import threading
from urllib.parse import quote, urlsplit

import pytest
import sqlalchemy as sa

from segctl.services import segments
from segctl.services.audit_log import AuditFilter, list_entries
from segctl.store.opening import Store, open_store
from tests.audit.test_erasure import put
from tests.engine.workspace import companies, leases, recalc, segment, sql, stored, until
from tests.http.running import TOKEN, Server, start
from tests.segments.test_recalculation import break_, hold


def conversations(store: Store) -> int:
    return sql(store, "SELECT count(*) FROM conversation")[0][0]


# ---------------------------------------------------------------- conversations


def test_a_conversation_is_opened_and_its_trace_stored(server: Server, store: Store):
    put(store, "contact", "anna", "email=anna@example.com")
    answer = server("POST", "/conversations", {"email": "ANNA@example.com"}).ok(201)
    body = answer.json
    assert (body["contact"], body["channel"], body["assigned"]) == ("anna", "chat", False)
    assert (body["created"], body["new_contact"], body["trace"]) == (True, False, [])
    assert sql(store, "SELECT id FROM conversation") == [(body["id"],)]


def test_the_same_external_id_is_the_same_conversation(server: Server, store: Store):
    put(store, "contact", "anna")
    asked = {"contact": "anna", "external_id": "c-1"}
    first = server("POST", "/conversations", asked).ok(201).json
    again = server("POST", "/conversations", asked).ok(200).json
    assert (again["id"], again["created"]) == (first["id"], False)
    put(store, "contact", "bob")
    other = server("POST", "/conversations", {"contact": "bob", "external_id": "c-1"}).ok(409)
    assert other.error["code"] == "exists"
    assert conversations(store) == 1


def test_many_that_ask_at_once_open_one(server: Server, store: Store):
    asked = {"email": "new@example.com", "create_contact": True, "external_id": "c-1"}
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(server("POST", "/conversations", asked)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] * 7 + [201]
    assert conversations(store) == 1
    assert sql(store, "SELECT count(*) FROM contact")[0][0] == 1


def test_an_unknown_contact_is_made_only_if_asked_for(server: Server, store: Store):
    asked = {"email": "new@example.com"}
    error = server("POST", "/conversations", asked).ok(404).error
    assert error["code"] == "not_found"
    assert error["hint"] == '"create_contact": true makes one'
    assert (conversations(store), sql(store, "SELECT * FROM contact")) == (0, [])
    body = server("POST", "/conversations", {**asked, "create_contact": True}).ok(201).json
    assert body["new_contact"]


def test_a_change_over_http_is_one_entry_of_the_servers_actor(serve, store: Store):
    put(store, "contact", "anna")
    serve("--actor", "website")("POST", "/conversations", {"contact": "anna"}).ok(201)
    with list_entries(store, AuditFilter(actor="website")) as entries:
        assert [(e.action, e.subject_type) for e in entries] == [("open", "conversation")]


BAD_BODIES = [
    (b'{"email":', 400, "json"),
    (b"\xff\xfe", 400, "json"),
    (b"", 422, "usage"),
    (b"[]", 422, "usage"),
    (b'"x"', 422, "usage"),
    (b"{}", 422, "usage"),
    (b'{"emial": "x@y.z"}', 422, "usage"),
    (b'{"email": 5}', 422, "usage"),
    (b'{"email": "a\\u0000@b.c"}', 422, "usage"),
    (b'{"email": "\\ud800@b.c"}', 422, "usage"),
    (b'{"contact": ""}', 422, "usage"),
    (b'{"email": "no address"}', 422, "value"),
    (b'{"contact": "x", "create_contact": "yes"}', 422, "usage"),
]


def test_a_bad_body_is_refused_and_changes_nothing(sqlite_server):
    server, store = sqlite_server
    json_type = {"Content-Type": "application/json"}
    for raw, status, code in BAD_BODIES:
        answer = server("POST", "/conversations", raw=raw, headers=json_type)
        assert (raw, answer.status, answer.error["code"]) == (raw, status, code)
        assert answer.error["message"]
    assert (conversations(store), sql(store, "SELECT * FROM audit_entry")) == (0, [])


@pytest.fixture
def sqlite_server(segctl_process, sqlite_store: Store):
    return start(segctl_process, sqlite_store), sqlite_store


# ---------------------------------------------------------------- segments and members


def test_segments_are_listed_by_pages(server: Server, store: Store):
    companies(store, [60])
    for name in ("A", "B", "C"):
        segment(store, name, "size > 50")
    segment(store, "D", "everything", type="deal")
    recalc(store, "B")
    first = server("GET", "/segments?type=company&limit=2").ok().json
    assert [(s["name"], s["count"]) for s in first["segments"]] == [("A", None), ("B", 1)]
    rest = server("GET", f"/segments?type=company&limit=2&cursor={first['next']}").ok().json
    assert [s["name"] for s in rest["segments"]] == ["C"]
    assert rest["next"] is None
    assert len(server("GET", "/segments").ok().json["segments"]) == 4


def test_members_are_paged_by_a_cursor_and_a_page_is_bounded(serve, store: Store, tmp_path):
    (tmp_path / "here" / "segctl.toml").write_text("[serve]\nmax_page = 3\n")
    server = serve()
    ids = companies(store, range(51, 59))
    id = segment(store, "Big", "size > 50").id
    recalc(store)
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        page = server("GET", f"/segments/{id}/members?limit=1000{cursor}&columns=size").ok().json
        assert len(page["members"]) <= 3
        assert (page["count"], page["stale"]) == (8, False)
        seen += page["members"]
        cursor = None if page["next"] is None else f"&cursor={page['next']}"
        pages += 1
    assert pages == 3
    assert seen == [{"id": id, "size": size} for id, size in zip(ids, range(51, 59), strict=True)]


def test_members_of_what_was_never_counted_are_a_conflict(server: Server, store: Store):
    id = segment(store, "Big", "size > 50").id
    error = server("GET", f"/segments/{id}/members").ok(409).error
    assert "never counted" in error["message"]
    assert server("GET", f"/segments/{id + 1}/members").ok(404).error["code"] == "not_found"


def test_a_bad_page_is_refused(server: Server, store: Store):
    id = segment(store, "Big", "size > 50").id
    recalc(store)
    for query in ("limit=0", "limit=x", "cursor=x", "cursor=-1", "columns=nothing", "columns=,"):
        answer = server("GET", f"/segments/{id}/members?{query}")
        assert (query, answer.status, answer.error["code"]) == (query, 422, "usage")


def test_a_contacts_segments_are_named_with_since_when(server: Server, store: Store):
    put(store, "contact", "a/b c", "city=Rome", "tags=vip")
    put(store, "contact", "bob")
    segment(store, "Romans", 'city = "Rome"', type="contact")
    segment(store, "VIP", 'tags has "vip"', type="contact")
    segment(store, "Uncounted", "everything", type="contact")
    recalc(store, "Romans", "VIP")
    found = server("GET", f"/contacts/{quote('a/b c')}/segments").ok().json
    assert [one["name"] for one in found["segments"]] == ["Romans", "VIP"]
    assert found["segments"][0]["since"].startswith("2026-03-15T12:00:00")
    escaped = server("GET", f"/contacts/{quote('a/b c', safe='')}/segments").ok().json
    by_number = server("GET", f"/contacts/%23{found['contact_id']}/segments").ok().json
    assert escaped == by_number == found
    assert server("GET", "/contacts/bob/segments").ok().json["segments"] == []
    assert server("GET", "/contacts/nobody/segments").ok(404).error["ref"] == "nobody"


def test_a_segment_is_recalculated(server: Server, store: Store):
    ids = companies(store, [60, 70])
    id = segment(store, "Big", "size > 50").id
    done = server("POST", f"/segments/{id}/recalculate").ok().json
    assert (done["result"], done["count"], done["entered"]) == ("done", 2, 2)
    assert stored(store, "Big") == ids
    assert server("POST", f"/segments/{id + 1}/recalculate").ok(404)


def test_what_stops_a_recalculation_is_told(server: Server, store: Store):
    companies(store, [60])
    view = segment(store, "Big", "size > 50")
    recalc(store)
    companies(store, [70, 80])
    path = f"/segments/{view.id}/recalculate"
    assert server("POST", path, {"max_change": "1"}).ok(409).error["code"] == "guard"
    assert server("POST", path, {"max_change": "much"}).ok(422)
    hold(store, "Big", seconds=60)
    busy = server("POST", path).ok(409)
    assert (busy.error["code"], busy.error["reason"]) == ("busy", "lease")
    assert busy.headers["retry-after"]
    sql(store, "DELETE FROM lease")
    break_(store, "Big")
    assert 'unknown attribute "gone"' in server("POST", path).ok(409).error["message"]
    assert len(stored(store, "Big")) == 1


# ---------------------------------------------------------------- health, metrics, OpenAPI


def test_health_needs_no_token_and_says_nothing_else(server: Server):
    assert server("GET", "/healthz", token=None).ok().json == {"status": "ok"}


def test_metrics_are_for_prometheus(server: Server, store: Store):
    from prometheus_client.parser import text_string_to_metric_families

    companies(store, [60])
    segment(store, 'Big "x"', "size > 50")
    segment(store, "Bad", "size > 50")
    recalc(store)
    break_(store, "Bad")
    recalc(store)
    server("GET", "/nothing").ok(404)
    answer = server("GET", "/metrics").ok()
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {
        (sample.name, sample.labels.get("name")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["segctl_store_up", None] == 1
    assert found["segctl_segment_members", 'Big "x"'] == 1
    assert found["segctl_segment_failed", "Bad"] == 1
    assert found["segctl_segment_failures", "Bad"] == 1
    assert found["segctl_segment_age_seconds", "Bad"] > 0
    assert 'segctl_http_requests_total{method="GET",route="none",status="404"} 1.0' in answer.text


def test_the_openapi_document_names_every_route(server: Server):
    document = server("GET", "/openapi.json").ok().json
    assert set(document["paths"]) == {
        "/conversations",
        "/segments",
        "/segments/{id}/members",
        "/contacts/{ref}/segments",
        "/segments/{id}/recalculate",
        "/healthz",
        "/metrics",
        "/webhooks/chatwoot",
    }
    opened = document["paths"]["/conversations"]["post"]
    assert opened["security"]
    assert {"200", "201", "400", "401", "404", "409", "413", "422", "503", "504"} <= set(
        opened["responses"]
    )


# ---------------------------------------------------------------- who may ask


def test_without_the_token_nothing_is_answered(sqlite_server):
    server, store = sqlite_server
    wrong = ["Bearer", "Bearer wrong", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}"]
    for given in ({}, *({"Authorization": word} for word in wrong)):
        for method, path in (
            ("GET", "/segments"),
            ("POST", "/conversations"),
            ("GET", "/metrics"),
            ("GET", "/openapi.json"),
            ("GET", "/nothing"),
        ):
            answer = server(method, path, token=None, headers=given).ok(401)
            assert answer.error["code"] == "unauthorized"
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert conversations(store) == 0


def test_the_token_is_never_said(serve, store: Store):
    server = serve("-v")
    server("GET", "/segments").ok()
    server("GET", "/segments", token="wrong-token-wrong-token").ok(401)
    _, said = server.stop()
    assert "/segments" in said
    assert TOKEN not in said
    assert "wrong-token" not in said


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_without_a_token_it_does_not_start(segctl_process, sqlite_store: Store, host: str):
    result = segctl_process("serve", "--host", host, "--port", "0", store=sqlite_store)
    assert result.code == 2
    assert "none is configured" in result.stderr
    assert "--token-file" in result.stderr


def test_a_token_comes_from_a_file_or_a_variable(segctl_process, sqlite_store: Store, tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    server = start(
        segctl_process,
        sqlite_store,
        *("--token-file", tmp_path / "token"),
        env={"SEGCTL_SERVE_TOKEN": "another-one-another-one"},
    )
    server("GET", "/segments").ok()
    server("GET", "/segments", token="another-one-another-one").ok(401)
    server = start(segctl_process, sqlite_store, "--token-env", "MINE", env={"MINE": TOKEN})
    server("GET", "/segments").ok()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--token-file", "none"), "No such file"),
        (("--token-env", "NOT_SET"), "is not set"),
        (("--token-env", "SHORT"), "16 or more"),
        (("--token-env", "SHORT", "--token-file", "x"), "exclude each other"),
        (("--token-env", "LONG", "--host", "nowhere.invalid"), "no address"),
    ],
)
def test_a_bad_start_is_told(segctl_process, sqlite_store: Store, words, reason):
    env = {"SHORT": "abc", "LONG": TOKEN}
    result = segctl_process("serve", *words, "--port", "0", store=sqlite_store, env=env)
    assert result.code == 2
    assert reason in result.stderr
    assert "Traceback" not in result.stderr


def test_a_port_that_is_taken_is_told(segctl_process, sqlite_store: Store):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        env = {"SEGCTL_SERVE_TOKEN": TOKEN}
        result = segctl_process("serve", "--port", port, store=sqlite_store, env=env)
    assert result.code == 1
    assert f"127.0.0.1:{port} cannot be listened on" in result.stderr


def test_a_store_that_is_not_there_is_told_at_the_start(segctl_process, tmp_path):
    env = {"SEGCTL_SERVE_TOKEN": TOKEN}
    result = segctl_process("serve", "--port", "0", store=tmp_path / "none.sqlite", env=env)
    assert result.code == 1
    assert "there is no store" in result.stderr


def test_an_address_that_others_reach_is_warned_of(segctl_process, sqlite_store: Store):
    server = start(segctl_process, sqlite_store, "--host", "0.0.0.0")
    assert "without encryption" in server.said


# ---------------------------------------------------------------- size and time


def test_a_body_of_50_megabytes_is_refused_and_the_sender_hears_why(server: Server, store: Store):
    big = b"x" * 50_000_000
    for path in ("/conversations", "/webhooks/chatwoot"):
        error = server("POST", path, raw=big).ok(413).error
        assert error["code"] == "too_large"
    chunked = server(
        "POST", "/conversations", raw=iter([b"x" * 100_000] * 20), headers={}
    )  # without a length
    assert chunked.ok(413)
    server("GET", "/healthz").ok()


def test_a_body_that_does_not_come_is_given_up(serve, store: Store, tmp_path):
    (tmp_path / "here" / "segctl.toml").write_text("[serve]\ntimeout = 0.5\n")
    server = serve()
    host, port = urlsplit(server.address).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            b"POST /conversations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
            + f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
            + b'{"email"'
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 408")


def test_a_locked_store_is_503_and_says_when_to_try_again(serve, store: Store, tmp_path):
    (tmp_path / "here" / "segctl.toml").write_text("busy_timeout = 0.1\n")
    put(store, "contact", "anna")
    server = serve()
    with open_store(store.url) as other, other.write() as session:
        if store.dialect == "postgresql":
            session.execute(sa.text("LOCK TABLE conversation"))
        answer = server("POST", "/conversations", {"contact": "anna"}).ok(503)
    assert answer.error["code"] == "busy"
    assert answer.headers["retry-after"] == "1"
    assert conversations(store) == 0
    server("POST", "/conversations", {"contact": "anna"}).ok(201)


def test_what_takes_too_long_is_504_and_its_statement_ends(
    segctl_process, postgres_store: Store, tmp_path
):
    (tmp_path / "here" / "segctl.toml").write_text("[serve]\ntimeout = 1\n")
    store = postgres_store
    put(store, "contact", "anna")
    server = start(segctl_process, store)
    with open_store(store.url) as other, other.write() as session:
        session.execute(sa.text("LOCK TABLE contact IN ACCESS EXCLUSIVE MODE"))
        answer = server("GET", "/contacts/anna/segments").ok(504)
        assert answer.error["code"] == "timeout"
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        until(lambda: sql(store, waiting)[0][0] == 0)
    server("GET", "/contacts/anna/segments").ok()


def test_a_recalculation_that_takes_longer_goes_on_by_itself(
    segctl_process, postgres_store: Store, tmp_path
):
    (tmp_path / "here" / "segctl.toml").write_text("[serve]\ntimeout = 1\n")
    store = postgres_store
    ids = companies(store, [60])
    id = segment(store, "Big", "size > 50").id
    server = start(segctl_process, store)
    with open_store(store.url) as other, other.write() as session:
        session.execute(sa.text("LOCK TABLE company_member IN ACCESS EXCLUSIVE MODE"))
        answer = server("POST", f"/segments/{id}/recalculate").ok(202)
        assert answer.json == {"id": id, "status": "running"}
    until(lambda: stored(store, "Big") == ids)


def test_more_than_can_wait_is_refused_at_once(segctl_process, postgres_store: Store, tmp_path):
    (tmp_path / "here" / "segctl.toml").write_text("[serve]\nworkers = 1\n")
    store = postgres_store
    put(store, "contact", "anna")
    server = start(segctl_process, store)
    answers = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(server("GET", "/contacts/anna/segments").status)
        )
        for _ in range(80)
    ]
    with open_store(store.url) as other, other.write() as session:
        session.execute(sa.text("LOCK TABLE contact IN ACCESS EXCLUSIVE MODE"))
        for thread in threads:
            thread.start()
        until(lambda: 503 in answers)
    for thread in threads:
        thread.join()
    assert set(answers) == {200, 503}
    server("GET", "/contacts/anna/segments").ok()


def test_a_store_that_went_away_is_503_and_found_again(segctl_process, postgres_store: Store):
    server = start(segctl_process, postgres_store)
    server("GET", "/healthz").ok()
    with postgres_store.engine.connect() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    answers = [server("GET", "/healthz") for _ in range(2)]
    assert {answer.status for answer in answers} <= {200, 503}
    server("GET", "/healthz").ok()


# ---------------------------------------------------------------- the end


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_a_signal_ends_it_with_the_code_of_the_signal(server: Server, number, code):
    server("GET", "/healthz").ok()
    server.process.send_signal(number)
    server.process.communicate(timeout=10)
    assert server.process.returncode == code


def test_sigterm_ends_it_in_time_while_a_recalculation_waits_for_a_lock(
    server: Server, store: Store
):
    companies(store, [60])
    id = segment(store, "Big", "size > 50").id
    answers = []
    path = f"/segments/{id}/recalculate"
    asked = threading.Thread(target=lambda: answers.append(server("POST", path)))
    with open_store(store.url) as other, other.write() as session:
        if store.dialect == "postgresql":
            session.execute(sa.text("LOCK TABLE company_member IN ACCESS EXCLUSIVE MODE"))
        asked.start()
        if store.dialect == "postgresql":
            until(lambda: leases(store) == [id])
        code, said = server.stop(timeout=10)
    asked.join()
    assert (code, "Traceback" in said) == (143, False), said
    assert [answer.status for answer in answers] == [503]
    assert stored(store, "Big") == []
    assert segments.find(store, "Big").error is None
