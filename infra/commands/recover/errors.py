"""What stops a recovery, with a message for the person in front of it."""


class RecoveryFailed(Exception):
    """The message says what to do about it. What was there before the step that failed is there still."""
