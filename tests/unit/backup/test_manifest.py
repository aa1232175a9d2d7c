"""A base backup is what its manifest says, or it is refused with the file's name."""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from local_cloud.google.cloud_sql.manifest import verify
from local_cloud.processes.server import ServerFailed

CONTENT = b"123456789"
# The second is the check value that CRC-32C is published with.
CHECKSUMS = {
    "SHA256": hashlib.sha256(CONTENT).hexdigest(),
    "CRC32C": 0xE3069283.to_bytes(4, sys.byteorder).hex(),
}


@pytest.fixture(params=sorted(CHECKSUMS))
def backup(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """As pg_basebackup leaves one behind."""
    (tmp_path / "base").mkdir()
    (tmp_path / "pg_wal").mkdir()
    (tmp_path / "pg_wal" / "000000010000000000000001").write_bytes(b"records")
    (tmp_path / "base" / "1").write_bytes(CONTENT)
    checksum = {"Checksum-Algorithm": request.param, "Checksum": CHECKSUMS[request.param]}
    files = [{"Path": "base/1", "Size": len(CONTENT), **checksum}]
    head = json.dumps({"Files": files})[:-1] + ",\n"
    whole = hashlib.sha256(head.encode()).hexdigest()
    (tmp_path / "backup_manifest").write_text(f'{head}"Manifest-Checksum": "{whole}"}}\n')
    return tmp_path


def test_a_whole_backup_passes(backup: Path) -> None:
    verify(backup)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda backup: (backup / "base" / "1").write_bytes(b"123456780"), "base/1 has a checksum mismatch"),
        (lambda backup: (backup / "base" / "1").unlink(), "base/1 is missing"),
        (lambda backup: (backup / "base" / "2").write_bytes(b"more"), "base/2 is not in the manifest"),
        (
            lambda backup: (backup / "backup_manifest").write_text(
                (backup / "backup_manifest").read_text().replace('"Size": 9', '"Size": 8')
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
