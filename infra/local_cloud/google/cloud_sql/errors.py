"""What the Admin API refuses, as Google's API does: a status, a reason for programs, a message for people."""


class Refused(Exception):
    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def no_instance(name: str) -> Refused:
    return Refused(404, "instanceDoesNotExist", f"The Cloud SQL instance {name} does not exist.")


def invalid(message: str) -> Refused:
    return Refused(400, "invalid", message)
