"""Who calls the local Google APIs: each program has an address of its own, with a secret of this start in it.

It stands for the credentials that Google's metadata server hands out.
"""

import secrets

PREFIX = "/as"
OPERATOR = "the operator of this machine"


class ApiCallers:
    """Tells callers apart by the secrets of their addresses."""

    def __init__(self) -> None:
        self._accounts: dict[str, str] = {}
        self._secrets: dict[str, str] = {}

    def path(self, account: str) -> str:
        """Return what an account's address has before the paths of the APIs, always the same."""
        secret = self._secrets.get(account)
        if secret is None:
            secret = self._secrets[account] = secrets.token_urlsafe(24)
            self._accounts[secret] = account
        return f"{PREFIX}/{secret}"

    def account(self, secret: str) -> str | None:
        """Return whose secret it is; None if nobody has it."""
        return self._accounts.get(secret)
