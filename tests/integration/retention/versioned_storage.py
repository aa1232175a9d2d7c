"""A stand-in for a versioned bucket of Cloud Storage's JSON API, as far as the keeper asks it.

The storage server of the other tests keeps no versions on a disk. What this one does is from Cloud Storage's own
documentation: with versions, a deletion that names no generation leaves a noncurrent version; one that names it removes
it; a retention policy, or a hold, refuses both with 403.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

BUCKET = "versioned"
LIST = f"/storage/v1/b/{BUCKET}/o"


@dataclass
class Version:
    """One version of an object. A hold is not told of in lists."""

    name: str
    generation: int
    content: bytes
    created: datetime
    live: bool = True
    kept_until: datetime | None = None
    held: bool = False

    def resource(self) -> dict[str, str]:
        shown = {
            "kind": "storage#object",
            "name": self.name,
            "bucket": BUCKET,
            "generation": str(self.generation),
            "metageneration": "1",
            "size": str(len(self.content)),
            "timeCreated": _spell(self.created),
        }
        if self.kept_until is not None:
            shown["retentionExpirationTime"] = _spell(self.kept_until)
        return shown

    def refusal(self) -> tuple[str, str] | None:
        """The reason and the message with which a deletion is refused."""
        if self.held:
            return "objectUnderActiveHold", f"Object '{BUCKET}/{self.name}' is under active Temporary hold"
        if self.kept_until is not None and self.kept_until > datetime.now(UTC):
            return "retentionPolicyNotMet", f"Object '{BUCKET}/{self.name}' is subject to bucket's retention policy"
        return None


@dataclass
class VersionedStorage:
    """The bucket, and what it was asked to delete."""

    versions: list[Version] = field(default_factory=list)
    deletions: list[tuple[str, int | None]] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1_700_000_000_000_000))

    def put(self, name: str, content: bytes, age: timedelta = timedelta(days=30), **more: Any) -> Version:
        """Write an object; one that is there becomes noncurrent."""
        for version in self.versions:
            version.live = version.live and version.name != name
        written = Version(name, next(self._numbers), content, datetime.now(UTC) - age, **more)
        self.versions.append(written)
        return written

    def find(self, prefix: str, *, versions: bool) -> list[Version]:
        return [one for one in self.versions if one.name.startswith(prefix) and (versions or one.live)]

    def delete(self, name: str, generation: int | None) -> tuple[int, tuple[str, str]]:
        """The status, and why."""
        self.deletions.append((name, generation))
        for version in self.versions:
            if version.name == name and (version.live if generation is None else version.generation == generation):
                refusal = version.refusal()
                if refusal is not None:
                    return 403, refusal
                if generation is None:
                    version.live = False
                else:
                    self.versions.remove(version)
                return 204, ("", "")
        return 404, ("notFound", f"No such object: {BUCKET}/{name}")

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Answer on a port of its own, and tell the URL."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(bucket: VersionedStorage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, query = self._target()
            if path == LIST:
                found = bucket.find(query.get("prefix", ""), versions=query.get("versions", "").lower() == "true")
                items = [one.resource() for one in found[: int(query.get("maxResults", "1000"))]]
                self._answer(200, json.dumps({"kind": "storage#objects", "items": items}).encode())
                return
            found = [one for one in bucket.versions if one.live and one.name == _name(path)]
            if found:
                self._answer(200, found[0].content, "application/octet-stream")
            else:
                self._refuse(404, "notFound", "No such object")

        def do_DELETE(self) -> None:
            path, query = self._target()
            generation = int(query["generation"]) if "generation" in query else None
            status, why = bucket.delete(_name(path), generation)
            if status == 204:
                self._answer(204, b"")
            else:
                self._refuse(status, *why)

        def _target(self) -> tuple[str, dict[str, str]]:
            parts = urlsplit(self.path)
            return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}

        def _refuse(self, status: int, reason: str, message: str) -> None:
            error = {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}
            self._answer(status, json.dumps({"error": error}).encode())

        def _answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def _name(path: str) -> str:
    return unquote(path.partition(f"{LIST}/")[2])


def _spell(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
