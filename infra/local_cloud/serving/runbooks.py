"""docs/operations, to be read in a browser: alerts link to their runbooks."""

from pathlib import Path
from urllib.parse import unquote

from aiohttp import web
from markdown_it import MarkdownIt

from local_cloud.serving.platform_error import PlatformError

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
body {{ max-width: 48rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow-x: auto; padding: .75rem; background: color-mix(in srgb, currentColor 8%, transparent) }}
table {{ border-collapse: collapse }}
th, td {{ border: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .25rem .5rem }}
</style>
<main>{body}</main></html>
"""
HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'"}


class Runbooks:
    """Shows the pages of a folder of Markdown."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        # Without HTML of the source's own.
        self._markdown = MarkdownIt("js-default")

    def render(self, name: str) -> web.Response:
        """Return a page. name: of a file, or empty for the list of them. Raises PlatformError."""
        if not name:
            return self._render_page("Runbooks", self._render_list())
        file = (self._folder / unquote(name)).resolve()
        if file.suffix != ".md" or not file.is_relative_to(self._folder) or not file.is_file():
            raise PlatformError(404, f"there is no runbook {name}; /runbooks/ lists those that there are")
        return self._render_page(file.stem, file.read_text())

    def _render_list(self) -> str:
        names = sorted(str(file.relative_to(self._folder)) for file in self._folder.rglob("*.md"))
        return "# Runbooks\n" + "".join(f"- [{name}]({name})\n" for name in names)

    def _render_page(self, title: str, text: str) -> web.Response:
        page = PAGE.format(title=title, body=self._markdown.render(text))
        return web.Response(text=page, content_type="text/html", headers=HEADERS)
