"""What stops a deployment before it begins, or after it, with a message for the person in front of it."""


class DeploymentRefused(Exception):
    """The message says what is missing, and what to run."""
