"""What stops the deployer, with a message for the person in front of it."""


class DeploymentFailed(Exception):
    """The message says what to mend."""


class UnknownType(DeploymentFailed):
    """The program registers a resource of a type that has no handler."""

    def __init__(self, token: str, name: str) -> None:
        super().__init__(
            f"{token} ({name}): the local deployer does not know this type. Give it a handler in "
            "infra/local_cloud/resources/, or, if it means nothing on one machine, a line in "
            "infra/local_cloud/resources/declared_only.py."
        )


class UnknownFunction(DeploymentFailed):
    """The program calls a function of a provider that has no answer here."""

    def __init__(self, token: str) -> None:
        super().__init__(
            f"{token}: the local deployer does not know this function. Give it an answer in "
            "infra/local_cloud/resources/invokes.py."
        )
