"""The deployment step that migrates the database's schema to what the functions need."""

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ResourceProvider, UpdateResult

CONNECT_SECONDS = 10
ANSWER_SECONDS = 600
# A fresh function's invoker binding may take minutes to reach every one of Google's servers.
PATIENCE_SECONDS = 180
PAUSE_SECONDS = 5
ANSWER_LENGTH = 1000


class MigrationFailed(Exception):
    """The schema may not be what the functions need, so they are not deployed."""


class MigrationProvider(ResourceProvider):
    """POSTs to the migrate function when the trigger changes. The token, valid for an hour, is never compared."""

    serialize_as_secret_always = False

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Return whether the trigger has changed."""
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in ("url", "trigger")))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Migrate the schema. Raises MigrationFailed."""
        return CreateResult(id_="migration", outs=_migrate(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Migrate the schema. Raises MigrationFailed."""
        return UpdateResult(outs=_migrate(_news))


class Migration(pulumi.dynamic.Resource, name="Migration"):
    """The migration of the schema. Deleting it, or deploying an older program, leaves the database as it is."""

    def __init__(
        self,
        name: str,
        *,
        url: pulumi.Input[str],
        token: pulumi.Input[str],
        trigger: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {"url": url, "token": pulumi.Output.secret(token), "trigger": trigger}
        super().__init__(MigrationProvider(), name, props, opts)


def migrate_in_process(
    name: str,
    *,
    url: pulumi.Input[str],
    token: pulumi.Input[str],
    trigger: pulumi.Input[str],
    after: Sequence[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> pulumi.Input[pulumi.Resource]:
    """Have the schema migrated by this very process, at each deployment; a preview does nothing.

    For plugins: the host of dynamic resources is one of the program's language and environment, not of the plugin's.
    """

    def migrated(props: dict[str, Any]) -> pulumi.Resource:
        if not pulumi.runtime.is_dry_run():
            _migrate(props)
            pulumi.log.info(f"{name}: the schema is what the functions need")
        return after[-1]

    return pulumi.Output.all(url=url, token=token, trigger=trigger).apply(migrated)


def migrate_by_resource(
    name: str,
    *,
    url: pulumi.Input[str],
    token: pulumi.Input[str],
    trigger: pulumi.Input[str],
    after: Sequence[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> pulumi.Input[pulumi.Resource]:
    """Have the schema migrated by a dynamic resource, whenever the trigger changes."""
    options = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(after)))
    return Migration(name, url=url, token=token, trigger=trigger, opts=options)


def build_trigger(*parts: object) -> str:
    """Return a digest that changes with any of the parts."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _migrate(props: dict[str, Any]) -> dict[str, Any]:
    """Tried again only while the function cannot have run: no connection yet, or turned away before it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            status, answer = _post(props["url"], props["token"])
            if status < 300:
                return {"url": props["url"], "trigger": props["trigger"]}
            problem, again = f"answered {status}: {answer}", status in (401, 403)
        except _NotConnected as error:
            problem, again = f"cannot be reached: {error}", True
        except (HTTPException, OSError) as error:
            problem, again = f"broke off its answer: {error!r}; run the deployment again", False
        if not again or time.monotonic() >= deadline:
            raise MigrationFailed(f"the migrate function at {props['url']} {problem}")
        time.sleep(PAUSE_SECONDS)


class _NotConnected(Exception):
    pass


def _post(url: str, token: str) -> tuple[int, str]:
    """The status and the beginning of the answer. Raises _NotConnected, or OSError and HTTPException later on."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    with closing(kind(parts.netloc, timeout=CONNECT_SECONDS)) as connection:
        try:
            connection.connect()
        except OSError as error:
            raise _NotConnected(str(error)) from error
        connection.sock.settimeout(ANSWER_SECONDS)
        connection.request(
            "POST", parts.path or "/", headers={"Authorization": f"Bearer {token}", "Content-Length": "0"}
        )
        response = connection.getresponse()
        return response.status, response.read(ANSWER_LENGTH).decode(errors="replace")
