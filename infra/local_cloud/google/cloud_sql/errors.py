"""What the Admin API refuses, in its words: a reason for programs, a message for people."""

from local_cloud.google.api_error import ApiError


def no_instance(name: str) -> ApiError:
    """Return the error of an instance that does not exist."""
    return ApiError(404, f"The Cloud SQL instance {name} does not exist.", reason="instanceDoesNotExist")


def invalid(message: str) -> ApiError:
    """Return the error of a request that cannot be carried out as it is."""
    return ApiError(400, message, reason="invalid")
