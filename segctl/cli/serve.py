"""`segctl serve`: the same over HTTP."""

from dataclasses import replace
import os
from pathlib import Path
from typing import Annotated

import typer

from segctl.cli import context, output
from segctl.config_serve import SHORTEST_TOKEN, TOKEN_VARIABLE, Chatwoot, Secret, Serve
from segctl.errors import ConfigError, UsageError


def command(
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="ADDRESS", help="The address; default: 127.0.0.1."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port", metavar="N", min=0, max=65_535, help="The port; default: 8787, 0 finds one."
        ),
    ] = None,
    token_env: Annotated[
        str | None,
        typer.Option("--token-env", metavar="NAME", help="The variable that holds the token."),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option("--token-file", metavar="FILE", help="The file that holds the token."),
    ] = None,
) -> None:
    """Serve conversations, segments and members over HTTP.

    Every client shows a bearer token, on this machine too. Without --token-env and --token-file it
    is what the config file says, or in SEGCTL_SERVE_TOKEN. The extra segctl[http] has to be
    installed; docs/http.md describes what is served, and GET /openapi.json does.

    Example: segctl serve --port 8787 --token-file /run/secrets/segctl-token
    """
    wanted = context.settings().serve
    wanted = replace(
        wanted,
        host=wanted.host if host is None else host,
        port=wanted.port if port is None else port,
        token=_token_place(token_env, token_file) or wanted.token,
    )
    token = _token(wanted.token)
    _run(wanted, token, context.settings().chatwoot)


def _run(wanted: Serve, token: str, chatwoot: Chatwoot) -> None:
    try:
        from segctl.http.server import is_loopback, serve
    except ModuleNotFoundError as error:
        raise UsageError(
            f"serving needs {error.name}, which is not installed",
            hint="pip install 'segctl[http]'",
        ) from error
    from segctl.http.settings import ChatwootSettings, ServerSettings

    secret = chatwoot.webhook_secret
    settings = ServerSettings(
        store_url=context.store_url(),
        token=token,
        actor=context.actor(),
        host=wanted.host,
        port=wanted.port,
        timeout=wanted.timeout,
        max_body=wanted.max_body,
        max_page=wanted.max_page,
        workers=wanted.workers,
        busy_timeout=context.settings().seconds("busy_timeout"),
        connect_timeout=context.settings().seconds("connect_timeout"),
        hooks=context.settings().hooks,
        chatwoot=ChatwootSettings(
            webhook_secret=secret.read(os.environ, "the secret of Chatwoot's webhooks")
            if secret.given
            else None,
            url=chatwoot.url,
            account_id=chatwoot.account_id,
            token=chatwoot.token.read(os.environ, "the token of Chatwoot's API")
            if chatwoot.token.given
            else None,
            agents=chatwoot.agents,
            teams=chatwoot.teams,
        ),
    )
    with context.store():
        pass  # a store that is not there is said before anybody connects
    if not is_loopback(wanted.host):
        output.warn(
            f"{wanted.host} can be reached from elsewhere, and this is HTTP without encryption: "
            "put a proxy with TLS before it"
        )
    serve(
        settings,
        lambda address: output.note(f"serving on {address}"),
        output.warn,
        log=context.verbose() > 0,
    )


def _token_place(env: str | None, file: Path | None) -> Secret | None:
    if env is not None and file is not None:
        raise UsageError("--token-env and --token-file exclude each other")
    return None if env is None and file is None else Secret(env, file)


def _token(place: Secret) -> str:
    try:
        token = place.read(os.environ, "the token that clients have to show")
    except ConfigError as error:
        if place == Secret(TOKEN_VARIABLE):
            error.message = "clients have to show a token, and none is configured"
        error.hint = "openssl rand -hex 32 > token; segctl serve --token-file token"
        raise
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise ConfigError(
            f"the token has to be {SHORTEST_TOKEN} or more printable ASCII characters",
            hint="openssl rand -hex 32 makes a good one",
        )
    return token
