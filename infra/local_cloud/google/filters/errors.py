"""A filter that Google would refuse, or that is not known here."""


class BadFilter(Exception):
    """The message names what is wrong, and where."""
