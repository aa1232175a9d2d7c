"""The archive of the write-ahead log never loses a file, and never changes one."""

from pathlib import Path

from local_cloud.google.cloud_sql import wal


def test_what_was_archived_comes_back(tmp_path: Path) -> None:
    segment, archive, back = tmp_path / "000000010000000000000001", tmp_path / "archive", tmp_path / "back"
    archive.mkdir()
    segment.write_bytes(b"records" + bytes(2**20))

    assert wal.archive(str(segment), str(archive)) == 0
    assert wal.restore(str(archive), segment.name, str(back)) == 0

    assert back.read_bytes() == segment.read_bytes()
    assert sum(path.stat().st_size for path in archive.iterdir()) < 10_000


def test_again_is_accepted_for_the_same_content_alone(tmp_path: Path) -> None:
    segment, archive = tmp_path / "000000010000000000000001", tmp_path / "archive"
    archive.mkdir()
    segment.write_bytes(b"one history")
    assert wal.archive(str(segment), str(archive)) == 0
    assert wal.archive(str(segment), str(archive)) == 0

    segment.write_bytes(b"another history")
    assert wal.archive(str(segment), str(archive)) == 1

    back = tmp_path / "back"
    wal.restore(str(archive), segment.name, str(back))
    assert back.read_bytes() == b"one history"


def test_the_end_of_the_archive_is_told(tmp_path: Path) -> None:
    assert wal.restore(str(tmp_path), "000000010000000000000002", str(tmp_path / "back")) == 1
    assert not (tmp_path / "back").exists()
