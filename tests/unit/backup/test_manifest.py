"""A base backup is what its manifest says, or it is refused with the file's name."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from local_cloud.google.cloud_sql.manifest import verify
from local_cloud.processes.server import ServerFailed


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """As pg_basebackup leaves one behind."""
    content = b"rows"
    (tmp_path / "base").mkdir()
    (tmp_path / "pg_wal").mkdir()
    (tmp_path / "pg_wal" / "000000010000000000000001").write_bytes(b"records")
    (tmp_path / "base" / "1").write_bytes(content)
    files = [{"Path": "base/1", "Size": len(content), "Checksum": hashlib.sha256(content).hexdigest()}]
    head = json.dumps({"Files": files})[:-1] + ",\n"
    checksum = hashlib.sha256(head.encode()).hexdigest()
    (tmp_path / "backup_manifest").write_text(f'{head}"Manifest-Checksum": "{checksum}"}}\n')
    return tmp_path


def test_a_whole_backup_passes(backup: Path) -> None:
    verify(backup)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda backup: (backup / "base" / "1").write_bytes(b"rowz"), "base/1 has a checksum mismatch"),
        (lambda backup: (backup / "base" / "1").unlink(), "base/1 is missing"),
        (lambda backup: (backup / "base" / "2").write_bytes(b"more"), "base/2 is not in the manifest"),
        (
            lambda backup: (backup / "backup_manifest").write_text(
                (backup / "backup_manifest").read_text().replace('"Size": 4', '"Size": 5')
            ),
            "manifest has a checksum mismatch",
        ),
        (lambda backup: (backup / "backup_manifest").write_text("{"), "manifest has a checksum mismatch"),
    ],
)
def test_damage_is_named(backup: Path, damage: Callable[[Path], object], said: str) -> None:
    damage(backup)
    with pytest.raises(ServerFailed, match=said):
        verify(backup)
