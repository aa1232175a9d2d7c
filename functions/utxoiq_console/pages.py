"""Rendering of pages from templates. Values are escaped; no page contains inline scripts or styles."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from utxoiq_console import moments, numbers

_HERE = Path(__file__).resolve().parent
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


class Pages:
    """Renders templates, and has the static files by name.

    `version` changes with any static file, so a browser may keep a file with its version for ever.
    """

    def __init__(self) -> None:
        self.static = {file.name: file.read_bytes() for file in sorted((_HERE / "static").iterdir())}
        self.version = hashlib.sha256(b"\0".join(self.static.values())).hexdigest()[:12]
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
            short=numbers.short,
            unit=numbers.format_with_unit,
            moment=_moment,
        )
        self._templates.globals["asset"] = lambda name: f"/console/static/{name}?v={self.version}"

    def render(self, template: str, **values: Any) -> bytes:
        """Return the page as HTML in UTF-8."""
        return self._templates.get_template(template).render(now=datetime.now(UTC), **values).encode()


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


def _time(moment: datetime, text: str) -> Markup:
    exact = moment.astimezone(UTC)
    title = f"{exact:%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(exact.isoformat(timespec="seconds"), title, text)
