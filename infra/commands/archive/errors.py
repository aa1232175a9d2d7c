"""What the commands stop with; the text says what to do."""


class CannotDo(Exception):
    """What was asked cannot be done now, or not like that."""
