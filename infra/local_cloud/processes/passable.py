"""Lets the user whom a server becomes pass the folders on the way to its programs and its data.

A folder that this user may pass already stays as it is. Another one gets an entry for this user alone in its access
control list, for passing only: names in it are not to be listed, and nobody else may do more than before. Where the
file system keeps no such lists, everybody may pass it.
"""

import errno
import os
import pwd
import stat
import struct
from pathlib import Path

ACL = "system.posix_acl_access"
_VERSION = struct.Struct("<I")
_ENTRY = struct.Struct("<HHI")
# Tags of entries, as linux/posix_acl_xattr.h has them; an entry of a user has its id, the others have NO_ID.
_OWNER, _USER, _GROUP, _MASK, _OTHERS = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_SEARCH = 1

Entries = dict[tuple[int, int], int]


def make_passable(path: Path, user: str) -> list[Path]:
    """Let a user pass each folder above a path that is there, and return those that had to be changed.

    Raises PermissionError, by the folder's name, where that is not to be had.
    """
    entry = pwd.getpwnam(user)
    there = [folder for folder in reversed(path.resolve().parents) if folder.exists()]
    changed = [folder for folder in there if not _passes(folder, entry)]
    for folder in changed:
        try:
            _let_pass(folder, entry.pw_uid)
        except OSError as error:
            raise PermissionError(f"{user} may not pass {folder}: `chmod o+x {folder}` lets it ({error})") from error
    return changed


def _passes(folder: Path, user: pwd.struct_passwd) -> bool:
    found = folder.stat()
    if found.st_uid == user.pw_uid:
        return bool(found.st_mode & stat.S_IXUSR)
    entries = _read(folder)
    own = entries.get((_USER, user.pw_uid))
    if own is not None:
        return bool(own & entries[_MASK, _NO_ID] & _SEARCH)
    if found.st_gid == user.pw_gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _let_pass(folder: Path, uid: int) -> None:
    entries = _read(folder)
    mask = entries.get((_MASK, _NO_ID), entries[_GROUP, _NO_ID])
    entries[_USER, uid] = entries.get((_USER, uid), 0) | _SEARCH
    entries[_MASK, _NO_ID] = mask | _SEARCH
    packed = b"".join(_ENTRY.pack(tag, rights, number) for (tag, number), rights in sorted(entries.items()))
    try:
        os.setxattr(folder, ACL, _VERSION.pack(2) + packed)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)


def _read(folder: Path) -> Entries:
    """Return a folder's entries; those that its mode stands for where it has no list."""
    try:
        packed = os.getxattr(folder, ACL)[_VERSION.size :]
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.EOPNOTSUPP):
            raise
        mode = folder.stat().st_mode
        return {
            (_OWNER, _NO_ID): mode >> 6 & 7,
            (_GROUP, _NO_ID): mode >> 3 & 7,
            (_OTHERS, _NO_ID): mode & 7,
        }
    return {(tag, number): rights for tag, rights, number in _ENTRY.iter_unpack(packed)}
