"""Files of the write-ahead log in the archive: small, and the same when they are back."""

import zlib
from pathlib import Path

import pytest

from local_cloud.google.cloud_sql import wal

SEGMENT = 16 * 2**20


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"1\t0/3000000\tno recovery target specified\n",
        b"log\0log",
        b"log".ljust(SEGMENT, b"\0"),
        bytes(SEGMENT),
    ],
    ids=["empty", "zero", "history", "zeros within", "closed for its age", "unused"],
)
def test_a_file_comes_back_as_it_was_archived(tmp_path: Path, content: bytes) -> None:
    file, back = tmp_path / "000000010000000000000001", tmp_path / "back"
    archive = tmp_path / "archive"
    archive.mkdir()
    file.write_bytes(content)
    assert wal.archive(str(file), str(archive)) == 0
    assert wal.archive(str(file), str(archive)) == 0  # a server that crashed in between asks again
    assert wal.restore(str(archive), file.name, str(back)) == 0
    assert back.read_bytes() == content
    file.write_bytes(content + b"more")
    assert wal.archive(str(file), str(archive)) == 1


def test_what_was_archived_before_it_had_a_length_comes_back(tmp_path: Path) -> None:
    content = b"log".ljust(SEGMENT, b"\0")
    (tmp_path / f"1{wal.SUFFIX}").write_bytes(zlib.compress(content, 1))
    assert wal.restore(str(tmp_path), "1", str(tmp_path / "back")) == 0
    assert (tmp_path / "back").read_bytes() == content


def test_a_file_that_was_closed_for_its_age_takes_what_is_in_it() -> None:
    assert len(wal.encode(b"log".ljust(SEGMENT, b"\0"))) < 100
