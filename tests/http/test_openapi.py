"""The server against its own OpenAPI document: what it allows, what it forbids, what it leaves out.

A fixed seed and a bounded number of examples: the same requests in every run.
"""

from urllib.parse import urljoin

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from segctl.store.opening import Store
from tests.audit.test_erasure import put
from tests.engine.workspace import recalc, segment
from tests.http.running import SECRET, TOKEN, start

EXAMPLES = 25
"""For each operation."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def test_no_request_makes_it_fail_or_answer_what_is_not_documented(
    segctl_process, store: Store, tmp_path
):
    put(store, "contact", "anna", "email=anna@example.com")
    segment(store, "All", "everything", type="contact")
    recalc(store)
    (tmp_path / "here" / "segctl.toml").write_text('[chatwoot]\nwebhook_secret_env = "SECRET"\n')
    server = start(segctl_process, store, env={"SECRET": SECRET})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    document = server("GET", "/openapi.json").ok().json
    api = schemathesis.openapi.from_dict(document)
    tried = set()
    for result in api.get_all_operations():
        operation = result.ok()
        cases = st.one_of(
            operation.as_strategy(generation_mode=mode) for mode in schemathesis.GenerationMode
        )

        @seed(20260315)
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def ask(case):
            tried.add(case.operation.label)
            sent = {} if case.path.startswith("/webhooks") else headers
            response = case.call(base_url=urljoin(server.address, "/"), headers=sent)
            case.validate_response(response, checks=CHECKS)

        ask()
    assert len(tried) == 8
    server("GET", "/healthz").ok()
    code, said = server.stop()
    assert code == 143
    assert "Traceback" not in said


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=6,
)
SENDERS = st.fixed_dictionaries(
    {"id": st.integers(1, 9) | JSON},
    optional=dict.fromkeys(("name", "email", "phone_number", "identifier"), JSON),
)
PAYLOADS = st.fixed_dictionaries(
    {"event": st.just("conversation_created"), "id": st.integers(1, 9) | JSON},
    optional={
        "account": JSON | st.fixed_dictionaries({"id": st.integers(1, 2**70)}),
        "meta": JSON | st.fixed_dictionaries({"sender": SENDERS | JSON}),
    },
)


def test_no_signed_webhook_makes_it_fail(segctl_process, store: Store, tmp_path):
    (tmp_path / "here" / "segctl.toml").write_text(
        '[chatwoot]\nwebhook_secret_env = "SECRET"\naccount_id = 7\n'
    )
    server = start(segctl_process, store, env={"SECRET": SECRET})

    @seed(20260315)
    @settings(
        max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(payload=JSON | PAYLOADS)
    def ask(payload):
        answer = server.webhook(payload)
        assert answer.status in (200, 409, 422), answer.text

    ask()
