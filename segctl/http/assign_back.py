"""Telling Chatwoot who a conversation was given to.

The decision is stored before Chatwoot hears of it, and stays whatever Chatwoot says. Trying again
is bounded; what is still untold then, or when the server ends, is found in the store and tried
again later, for a day.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
import datetime as dt
import heapq
import http.client
import json
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from segctl.errors import SegctlError
from segctl.http.metrics import Metrics
from segctl.http.settings import ChatwootSettings, clock
from segctl.services import chatwoot
from segctl.services.conversation_views import ConversationView
from segctl.store.opening import Store

LOOK_BACK = dt.timedelta(days=1)
"""How old a conversation may be that Chatwoot is still told of."""
LOOK_EVERY = 300.0
"""Seconds between two looks for what is untold."""
LONGEST_PAUSE = 60.0
PATIENCE = 10.0
"""Seconds that Chatwoot may take to answer."""


class Refused(Exception):
    """Chatwoot does not take it. `again`: it may later; `pause` is what it asks for, in seconds."""

    def __init__(self, reason: str, *, again: bool, pause: float | None = None) -> None:
        super().__init__(reason)
        self.again = again
        self.pause = pause


class AssignBack:
    """One thread that tells Chatwoot. `say` is for what a person should know."""

    def __init__(
        self,
        settings: ChatwootSettings,
        open_store: Callable[[], Store],
        metrics: Metrics,
        say: Callable[[str], None],
        actor: str,
    ) -> None:
        assert settings.url
        assert settings.token
        assert settings.account_id
        self._settings = settings
        self._url = settings.url
        self._token = settings.token
        self._account = settings.account_id
        self._open_store = open_store
        self._metrics = metrics
        self._say = say
        self._actor = actor
        self._pending: list[tuple[float, int, int, ConversationView]] = []
        self._known: set[int] = set()
        self._wake = threading.Condition()
        self._closed = False
        self._store: Store | None = None
        self._thread = threading.Thread(target=self._work, name="assign-back", daemon=True)
        self._thread.start()

    def tell(self, view: ConversationView) -> None:
        """Tell Chatwoot of this conversation soon. Nothing to tell of an unassigned one."""
        if not view.assigned or chatwoot.parse_external_id(view.external_id) is None:
            return
        with self._wake:
            if view.id not in self._known:
                self._known.add(view.id)
                heapq.heappush(self._pending, (time.monotonic(), view.id, 1, view))
                self._wake.notify()

    def close(self, seconds: float) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(seconds)

    # ------------------------------------------------------------ the thread

    def _work(self) -> None:
        look_at = time.monotonic()
        while True:
            if time.monotonic() >= look_at:
                self._look_for_untold()
                look_at = time.monotonic() + LOOK_EVERY
            with self._wake:
                if self._closed:
                    break
                first = self._pending[0][0] if self._pending else look_at
                wait = min(first, look_at) - time.monotonic()
                if wait > 0:
                    self._wake.wait(wait)
                    continue
                _, id, attempt, view = heapq.heappop(self._pending)
            self._try(id, attempt, view)
        if self._store is not None:
            self._store.close()

    def _look_for_untold(self) -> None:
        with suppress(SegctlError):
            for view in chatwoot.untold(self._opened(), self._account, since=clock() - LOOK_BACK):
                self.tell(view)

    def _opened(self) -> Store:
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def _try(self, id: int, attempt: int, view: ConversationView) -> None:
        steps, unmapped = self._steps(view)
        outcome: dict[str, Any] = {key: value for step in steps for key, value in step.items()}
        if unmapped:
            outcome["unmapped"] = unmapped
            self._say(
                f"conversation {view.external_id}: {' and '.join(unmapped)} has no number in "
                "[chatwoot.agents] or [chatwoot.teams]"
            )
        try:
            for step in steps:
                self._post(view, step)
        except Refused as refusal:
            self._refused(refusal, id, attempt, view, outcome)
            return
        self._metrics.told.labels("done" if steps else "failed").inc()
        self._note(id, outcome)

    def _refused(
        self,
        refusal: Refused,
        id: int,
        attempt: int,
        view: ConversationView,
        outcome: dict[str, Any],
    ) -> None:
        if refusal.again and attempt < self._settings.attempts:
            self._metrics.told.labels("retried").inc()
            pause = refusal.pause or self._settings.retry_seconds * 2 ** (attempt - 1)
            at = time.monotonic() + min(pause, LONGEST_PAUSE)
            with self._wake:
                heapq.heappush(self._pending, (at, id, attempt + 1, view))
            return
        self._metrics.told.labels("failed").inc()
        self._say(f"Chatwoot was not told of {view.external_id}: {refusal}")
        if refusal.again:
            with self._wake:
                self._known.discard(id)  # the next look finds it again
            return
        self._note(id, {**outcome, "error": str(refusal)})

    def _note(self, id: int, outcome: dict[str, Any]) -> None:
        # If this fails it is told again after a restart, which changes nothing in Chatwoot.
        with suppress(SegctlError):
            chatwoot.note_told(self._opened(), id, outcome, now=clock(), actor=self._actor)

    def _steps(self, view: ConversationView) -> tuple[Sequence[dict[str, int]], list[str]]:
        """The calls to make, and who has no number. Chatwoot takes one of the two a call."""
        steps: list[dict[str, int]] = []
        unmapped: list[str] = []
        for key, name, ids in (
            ("team_id", (view.group or "").casefold(), self._settings.teams),
            ("assignee_id", view.member or "", self._settings.agents),
        ):
            if name and name in ids:
                steps.append({key: ids[name]})
            elif name:
                unmapped.append(f'"{view.group if key == "team_id" else view.member}"')
        return steps, unmapped

    def _post(self, view: ConversationView, step: dict[str, int]) -> None:
        found = chatwoot.parse_external_id(view.external_id)
        assert found is not None
        account, conversation = found
        parts = urlsplit(self._url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE)
        path = f"{parts.path}/api/v1/accounts/{account}/conversations/{conversation}/assignments"
        headers = {"Content-Type": "application/json", "api_access_token": self._token}
        try:
            connection.request("POST", path, json.dumps(step), headers)
            answer = connection.getresponse()
            answer.read(65_536)
        except (OSError, http.client.HTTPException) as error:
            raise Refused(f"it does not answer ({type(error).__name__})", again=True) from error
        finally:
            connection.close()
        if 200 <= answer.status < 300:
            return
        # A redirect is not followed: the token would go to wherever it leads.
        again = answer.status in (401, 403, 408, 429) or answer.status >= 500
        asked = answer.getheader("Retry-After", "")
        raise Refused(
            f"it answers {answer.status} {answer.reason}",
            again=again,
            pause=float(asked) if asked.isdigit() else None,
        )
