"""What stops the deployer, with a message for the person in front of it."""


class DeploymentFailed(Exception):
    """The message says what to mend. exit_status: of the program, as docs/commands.md lists them."""

    code = "failed"
    exit_status = 1


class WrongUsage(DeploymentFailed):
    """The command line cannot be meant like that; nothing was done."""

    code = "usage"
    exit_status = 2


class NotRunning(DeploymentFailed):
    """There is no deployer to ask, or it does not answer."""

    code = "not_running"
    exit_status = 3


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
