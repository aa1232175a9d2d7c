"""If-Match and If-None-Match, for entity tags that contain a version (RFC 9110, section 13)."""

import re

from utxoiq_http.problems import FieldError, invalid

MAX_TAGS = 16
MAX_VERSION = 2**31 - 1
_is_list = re.compile(rb'\s*(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*|$))+').fullmatch
_tags = re.compile(rb'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"').findall


def tag(version: int) -> bytes:
    """Return the entity tag of a version."""
    return b'"%d"' % version


def is_known(if_none_match: bytes | None, version: int) -> bool:
    """Return whether If-None-Match names the version, by weak comparison. A malformed header names no version."""
    if if_none_match is None:
        return False
    if if_none_match == tag(version) or if_none_match.strip() == b"*":
        return True
    return any(opaque == b"%d" % version for _, opaque in _tags(if_none_match))


def expected_versions(if_match: bytes | None) -> list[int] | None:
    """Return the versions that a change may be made to, newest first; None for any version.

    Comparison is strong: a weak tag matches no version, and neither does a tag without a version. Raises Problem 422
    for a malformed header.
    """
    if if_match is None or if_match.strip() == b"*":
        return None
    tags = _tags(if_match)
    if not _is_list(if_match) or len(tags) > MAX_TAGS:
        raise invalid(FieldError("If-Match", f'takes * or up to {MAX_TAGS} entity tags, as "3" in its quotes'))
    versions = {int(opaque) for weak, opaque in tags if not weak and opaque.isdigit() and len(opaque) <= 10}
    return sorted((version for version in versions if version <= MAX_VERSION), reverse=True)
