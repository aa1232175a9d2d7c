"""What a handler of one of Google's APIs raises, to be answered in the form of Google's errors."""


class ApiError(Exception):
    """Ends a call with an error. status: of HTTP. reason: the word for programs that some APIs give besides."""

    def __init__(self, status: int, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason
