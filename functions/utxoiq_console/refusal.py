"""A request that is answered with a page which says what is wrong."""


class Refused(Exception):
    """A request is refused. The text tells the reader what to do."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
