"""Whether a base backup is what its manifest says, as pg_verifybackup would tell: the wheel's own cannot start."""

import hashlib
import json
import sys
from pathlib import Path

import google_crc32c

from local_cloud.processes.server import ServerFailed

MANIFEST = "backup_manifest"
# Not in a manifest: itself, and the WAL, whose records carry checksums of their own.
UNLISTED = (MANIFEST, "pg_wal/")
LAST_LINE = b'"Manifest-Checksum"'
# As pg_basebackup is asked for.
ALGORITHM = "CRC32C"
CHUNK = 2**20


def verify(backup: Path) -> None:
    """Check a base backup against its manifest. Raises ServerFailed, which names the files that are wrong."""
    text = (backup / MANIFEST).read_bytes()
    covered = text[: text.rindex(LAST_LINE)] if LAST_LINE in text else text
    try:
        manifest = json.loads(text)
    except ValueError:
        manifest = {}
    if manifest.get("Manifest-Checksum") != hashlib.sha256(covered).hexdigest():
        raise ServerFailed("the backup's manifest has a checksum mismatch")
    listed = {entry["Path"]: entry for entry in manifest["Files"]}
    found = {path.relative_to(backup).as_posix(): path for path in backup.rglob("*") if path.is_file()}
    wrong = [f"{name} is missing" for name in listed.keys() - found.keys()]
    for name, path in found.items():
        if name not in listed:
            wrong += [] if name.startswith(UNLISTED) else [f"{name} is not in the manifest"]
        elif _digest(path, listed[name]["Checksum-Algorithm"]) != listed[name]["Checksum"]:
            wrong.append(f"{name} has a checksum mismatch")
    if wrong:
        raise ServerFailed(f"the backup is corrupt: {'; '.join(sorted(wrong)[:5])}")


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        if algorithm != ALGORITHM:  # a backup of an earlier version has SHA-256
            return hashlib.file_digest(file, algorithm).hexdigest()
        checksum = 0
        while chunk := file.read(CHUNK):
            checksum = google_crc32c.extend(checksum, chunk)
    return checksum.to_bytes(4, sys.byteorder).hex()  # PostgreSQL writes the number as it has it in memory
