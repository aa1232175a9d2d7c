"""Secrets in Secret Manager, readable by the functions that mount them and nobody else."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pulumi
import pulumi_random as random
from pulumi_gcp import secretmanager

from utxoiq_infra.component import Component
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.encryption import Encryption
from utxoiq_infra.identity import Account

# 43 letters and digits hold 256 bits.
KEY_LENGTH = 43
ID_LENGTH = 12
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
# What the functions call the figures of all instances.
FLEET = "fleet"


@dataclass(frozen=True)
class Mount:
    """One version of a secret as a function mounts it; `grant` lets the function read it."""

    project: str
    secret: pulumi.Output[str]
    version: pulumi.Output[str]
    grant: pulumi.Resource


@dataclass(frozen=True)
class Term:
    """For how long a key is made: until the end of the next term, so that there is a whole term to deploy in."""

    name: str
    expires_at: datetime

    @classmethod
    def current(cls, days: int, now: datetime) -> "Term | None":
        """Return the term of so many days that `now` is in; None for no days."""
        if not days:
            return None
        number = (now - EPOCH).days // days
        return cls(f"{days} days, the {number}th", EPOCH + timedelta(days=(number + 2) * days))


def fleet_keys(cache_keys: Mapping[str, str]) -> str:
    """Return, as JSON, the keys by which each function's figures are known; they do not lead back to its own."""
    keys = {name: hmac.digest(key.encode(), FLEET.encode(), "sha256").hex() for name, key in cache_keys.items()}
    return json.dumps(keys, sort_keys=True)


class Secret(Component):
    """A secret with one version."""

    def __init__(
        self,
        name: str,
        configuration: Configuration,
        content: pulumi.Output[str],
        encryption: Encryption,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Secret", name, opts)
        self._project = configuration.project
        self.secret = secretmanager.Secret(
            name,
            secret_id=encryption.name_secret(name),
            project=configuration.project,
            replication=encryption.replicate(),
            deletion_protection=False,  # what it holds is made anew with the stack
            labels=configuration.labels,
            opts=self.own(depends_on=encryption.grants),
        )
        self.version = secretmanager.SecretVersion(name, secret=self.secret.id, secret_data=content, opts=self.own())
        self.register_outputs({})

    def mounted_by(self, function: str, account: Account) -> Mount:
        """Return a mount pinned to the present version, so that an old revision keeps the value it was tested with."""
        grant = secretmanager.SecretIamMember(
            f"{self.pulumi_resource_name}-{function}",
            project=self._project,
            secret_id=self.secret.secret_id,
            role="roles/secretmanager.secretAccessor",
            member=account.member,
            opts=self.own(),
        )
        return Mount(self._project, self.secret.secret_id, self.version.version, grant)


class ApiKey(Component):
    """An API key that the deployment creates. The functions receive only its SHA-256, in `declaration`."""

    def __init__(
        self,
        name: str,
        *,
        called: str,
        scopes: Sequence[str],
        term: Term | None,
        limit: int | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare a key.

        called: the name that limits and logs know it by. term: with the next one, the key is made anew; None for never.
        limit: of its requests, and of its batches, an hour.
        """
        super().__init__("ApiKey", name, opts)
        keepers = None if term is None else {"term": term.name}
        expires_at = None if term is None else term.expires_at.isoformat()
        identifier = random.RandomString(
            f"{name}-id", length=ID_LENGTH, special=False, upper=False, keepers=keepers, opts=self.own()
        )
        password = random.RandomPassword(name, length=KEY_LENGTH, special=False, keepers=keepers, opts=self.own())
        # RandomPassword marks its result secret, and what is made from a secret is one.
        self.key = pulumi.Output.format("uiq_{0}_{1}", identifier.result, password.result)
        self.declaration: pulumi.Output[dict[str, object]] = pulumi.Output.all(identifier.result, self.key).apply(
            lambda made: {
                "id": made[0],
                "digest": hashlib.sha256(made[1].encode()).hexdigest(),
                "name": called,
                "scopes": sorted(scopes),
                "requests_per_hour": limit,
                "batches_per_hour": limit,
                "expires_at": expires_at,
            }
        )
        self.register_outputs({})
