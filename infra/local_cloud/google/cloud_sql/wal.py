"""Brings a file of the write-ahead log into an archive, or back from it.

PostgreSQL runs this, once a file:

    wal.py archive FILE ARCHIVE
    wal.py restore ARCHIVE NAME FILE

Run by path in an isolated interpreter (-I -S), so that it starts in milliseconds. A file is compressed without the
zeros at its end, of which one that was closed for its age mostly consists; its length follows, in eight bytes.
"""

import os
import sys
import zlib

SUFFIX = ".z"
LENGTH_BYTES = 8
ZEROS = bytes(2**16)


def main() -> int:
    """Archive or restore as the arguments say, and return the exit status."""
    match sys.argv[1:]:
        case ["archive", file, folder]:
            return archive(file, folder)
        case ["restore", folder, name, file]:
            return restore(folder, name, file)
    sys.exit(__doc__)


def encode(content: bytes, zeros: int = 0) -> bytes:
    """Return a file's content as the archive keeps it. zeros: how many follow the content."""
    return zlib.compress(content.rstrip(b"\0"), 1) + (len(content) + zeros).to_bytes(LENGTH_BYTES, "big")


def decode(archived: bytes) -> bytes:
    """Return the content of an archived file; one of an earlier version has no length, and all its zeros."""
    decompressor = zlib.decompressobj()
    content = decompressor.decompress(archived)
    return content.ljust(int.from_bytes(decompressor.unused_data, "big"), b"\0")


def archive(file: str, folder: str) -> int:
    """Put a file into the archive, whole or not at all, and return 0; 1 if another file has its name there."""
    target = os.path.join(folder, os.path.basename(file) + SUFFIX)
    content, zeros = read(file)
    if os.path.exists(target):
        with open(target, "rb") as archived:
            return 0 if decode(archived.read()) == content + bytes(zeros) else 1
    temporary = f"{target}.{os.getpid()}"
    with open(temporary, "wb") as sink:
        sink.write(encode(content, zeros))
        sink.flush()
        os.fsync(sink.fileno())
    os.rename(temporary, target)
    return 0


def read(file: str) -> tuple[bytes, int]:
    """Return a file's content without zeros at its end, and how many were left out: blocks of them, and no others.

    From the end, a block at a time: to read all of a file and to strip it would take most of the time that this runs.
    """
    with open(file, "rb") as source:
        length = end = source.seek(0, os.SEEK_END)
        while end >= len(ZEROS) and os.pread(source.fileno(), len(ZEROS), end - len(ZEROS)) == ZEROS:
            end -= len(ZEROS)
        source.seek(0)
        return source.read(end), length - end


def restore(folder: str, name: str, file: str) -> int:
    """Write an archived file to where PostgreSQL wants it and return 0; 1 if there is none, which ends a recovery."""
    try:
        with open(os.path.join(folder, name + SUFFIX), "rb") as archived:
            content = decode(archived.read())
    except FileNotFoundError:
        return 1
    with open(file, "wb") as sink:
        sink.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
