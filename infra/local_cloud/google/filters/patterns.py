"""Regular expressions that users write, as Google reads them: by RE2, in time that grows with the text alone."""

from typing import Protocol

import re2

from local_cloud.google.filters.errors import BadFilter


class Match(Protocol):
    """What was found."""

    def __getitem__(self, group: int) -> str | None: ...


class Pattern(Protocol):
    """A compiled expression, which never takes longer than a time in proportion to the text."""

    groups: int

    def search(self, text: str) -> Match | None:
        """Return the first match in the text; None if there is none."""
        ...

    def fullmatch(self, text: str) -> Match | None:
        """Return the match of the whole text; None if it does not match."""
        ...


def compile_pattern(text: str) -> Pattern:
    """Return a compiled expression. Raises BadFilter for what RE2 refuses: lookaround and backreferences among it."""
    options = re2.Options()
    options.log_errors = False
    try:
        pattern: Pattern = re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0]
        explained = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise BadFilter(f"no regular expression of RE2: {explained}") from None
    return pattern
