"""Dumps of a database as SQL, as pg_dump writes them, loaded into an empty database without psql.

Ownership is left out, since the roles of the copy are not those of its source; rights are given to the roles that are
there. So a role reads of the copy what it reads of the source.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import requests
from pg8000.exceptions import DatabaseError
from urllib3.exceptions import HTTPError

from utxoiq_persistence.postgres.session import Session
from utxoiq_persistence.sqlstates import read_sqlstate

STORAGE = "https://storage.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/devstorage.read_only"
PATIENCE_SECONDS = 60
# Answers that another attempt may not get.
BUSY = (408, 429)
BLOCK = 2**18
END_OF_ROWS = b"\\.\n"
END = "-- PostgreSQL database dump complete\n"
# Commands of psql by which newer versions of pg_dump fence its other commands off.
FENCES = ("\\restrict ", "\\unrestrict ")
RIGHTS = ("GRANT ", "REVOKE ", "ALTER DEFAULT PRIVILEGES ")
UNDEFINED_ROLE = "42704"
_OWNERSHIP = re.compile(r"ALTER [^']* OWNER TO [^']*;\s*|(RE)?SET SESSION AUTHORIZATION [^']*;\s*")
_COMMENT_ON_EXTENSION = "COMMENT ON EXTENSION "
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(\$\w*\$).*?\1|--[^\n]*", re.DOTALL)
_OPEN = re.compile(r"'|\"|\$\w*\$")
_COPY = re.compile(r"COPY .* FROM stdin;\s*", re.DOTALL)


class DumpDamaged(Exception):
    """The dump cannot be read, or ends too early."""


@contextmanager
def open_dump(endpoint: str | None, bucket: str, name: str) -> Iterator[Iterator[bytes]]:
    """Open a compressed dump in a bucket, and yield its lines. endpoint: the storage server's URL, None for Google's.

    Raises DumpDamaged if there is none or it is damaged, OSError while it cannot be reached.
    """
    path = f"{endpoint or STORAGE}/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media"
    try:
        with _requests(endpoint) as session, session.get(path, stream=True, timeout=PATIENCE_SECONDS) as response:
            if 400 <= response.status_code < 500 and response.status_code not in BUSY:
                raise DumpDamaged(
                    f"gs://{bucket}/{name} is answered with {response.status_code}: {response.text[:200]}"
                )
            response.raise_for_status()
            with gzip.GzipFile(fileobj=response.raw) as lines:
                yield iter(io.BufferedReader(lines, BLOCK))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DumpDamaged(f"gs://{bucket}/{name} is damaged: {error}") from error
    except HTTPError as error:
        raise OSError(f"gs://{bucket}/{name} cannot be read now: {error}") from error


def _requests(endpoint: str | None) -> requests.Session:
    """The local storage server needs no credentials; Google's come from the environment."""
    if endpoint is not None and endpoint.startswith("http:"):
        return requests.Session()
    import google.auth
    from google.auth.transport.requests import AuthorizedSession

    credentials, _ = google.auth.default(scopes=[SCOPE])
    session: requests.Session = AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    return session


def load(session: Session, lines: Iterator[bytes]) -> None:
    """Run a dump's statements on the session's database, which is empty. Blocks.

    Raises DumpDamaged for a dump that ends too early, and what Session.run raises.
    """
    for statement, rows in split(lines):
        if _OWNERSHIP.fullmatch(statement) or statement.startswith(_COMMENT_ON_EXTENSION):
            continue
        if rows is not None:
            session.copy_in(statement, rows)
            continue
        try:
            session.execute(statement)
        except DatabaseError as error:
            # Rights of a role that the copy has not: nobody there reads or writes by them.
            if not (statement.startswith(RIGHTS) and read_sqlstate(error) == UNDEFINED_ROLE and not session.broken):
                raise


def split(lines: Iterator[bytes]) -> Iterator[tuple[str, Iterable[bytes] | None]]:
    """Yield each statement of a dump, with the rows that it copies; None where it copies none.

    The rows have to be taken before the next statement is asked for. Raises DumpDamaged.
    """
    text = ""
    complete = False
    for line in lines:
        decoded = line.decode()
        if not text:
            complete = complete or decoded == END
            if decoded.isspace() or decoded.startswith(("--", *FENCES)):
                continue
            if decoded.startswith("\\"):
                raise DumpDamaged(f"a command of psql that no dump has: {decoded[:40]!r}")
        text += decoded
        if not _is_whole(text):
            continue
        yield text, (_rows(lines) if _COPY.fullmatch(text) else None)
        text = ""
    if text or not complete:
        raise DumpDamaged("the dump ends too early")


def _is_whole(text: str) -> bool:
    if not text.rstrip().endswith(";"):
        return False
    bare = _QUOTED.sub("", text)
    return bare.rstrip().endswith(";") and not _OPEN.search(bare)


def _rows(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield blocks of lines up to the end of the rows. Raises DumpDamaged if there is none."""
    block: list[bytes] = []
    size = 0
    for line in lines:
        if line == END_OF_ROWS:
            yield b"".join(block)
            return
        block.append(line)
        size += len(line)
        if size > BLOCK:
            yield b"".join(block)
            block, size = [], 0
    raise DumpDamaged("the dump ends within the rows of a table")
