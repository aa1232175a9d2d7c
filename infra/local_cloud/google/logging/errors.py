"""A filter that Cloud Logging would refuse."""


class BadFilter(Exception):
    """The message names what is wrong, and where."""
