"""Rendering of pages from templates. Values are escaped; no page contains inline scripts or styles."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from utxoiq_console import moments, numbers

_HERE = Path(__file__).resolve().parent
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class StaticFile:
    """Has a file's content, as it is and compressed by gzip, and its media type."""

    content: bytes
    compressed: bytes
    type: str


class Pages:
    """Renders templates, and has the static files by name.

    `version` changes with any static file. It is part of the files' path, so that a module imports those of its own
    version, and a browser may keep them for ever.
    """

    def __init__(self) -> None:
        files = sorted((_HERE / "static").iterdir())
        self.static: Mapping[str, StaticFile] = {file.name: _static_file(file) for file in files}
        self.version = hashlib.sha256(b"\0".join(one.content for one in self.static.values())).hexdigest()[:12]
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            span=moments.span,
            ago=_ago,
            until=_until,
            clock=_clock,
            day=_day,
            stamp=_stamp,
            short=numbers.short,
            unit=numbers.format_with_unit,
            moment=_moment,
            pretty=_pretty,
            bytes=numbers.format_bytes,
        )
        self._templates.globals["asset"] = lambda name: f"/console/static/{self.version}/{name}"

    def render(self, template: str, **values: Any) -> bytes:
        """Return the page as HTML in UTF-8."""
        return self._templates.get_template(template).render(now=datetime.now(UTC), **values).encode()


def _static_file(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(content, gzip.compress(content, 9, mtime=0), TYPES[path.suffix])


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _moment(text: str) -> datetime:
    return moments.parse_time(text)


def _ago(moment: datetime) -> Markup:
    return _time(moment, f"{moments.span((datetime.now(UTC) - moment).total_seconds())} ago")


def _until(moment: datetime) -> Markup:
    seconds = (moment - datetime.now(UTC)).total_seconds()
    return _time(moment, f"in {moments.span(seconds)}" if seconds >= 1 else "now")


def _clock(moment: datetime) -> Markup:
    return _time(moment, f"{moment.astimezone(UTC):%H:%M:%S}")


def _day(moment: datetime) -> Markup:
    return _time(moment, f"{moment.astimezone(UTC):%d %b %H:%M}")


def _stamp(moment: datetime) -> Markup:
    return _time(moment, f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}")


def _time(moment: datetime, text: str) -> Markup:
    exact = moment.astimezone(UTC)
    title = f"{exact:%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(exact.isoformat(timespec="seconds"), title, text)
