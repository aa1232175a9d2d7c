"""stack.json: where everything is, and credentials to try it with, for the owner's eyes only."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from local_cloud import background
from local_cloud.google.api_callers import OPERATOR
from local_cloud.resources.cloud import LocalCloud
from local_cloud.serving.functions import DeployedFunction
from local_cloud.state import write_private

TOKEN_SECONDS = 24 * 3600.0
# Long before they expire.
REFRESH_SECONDS = 3600.0


class StackFile:
    """Writes stack.json.

    outputs: the stack's. functions: by the names that the stack gives them. audience: of users' tokens.
    """

    def __init__(
        self,
        cloud: LocalCloud,
        outputs: Mapping[str, Any],
        functions: Mapping[str, DeployedFunction],
        audience: str,
    ) -> None:
        self._cloud = cloud
        self._outputs = outputs
        self._functions = functions
        self._audience = audience

    def keep_fresh(self) -> "asyncio.Task[None]":
        """Start to write it again before its tokens expire, until cancelled."""
        say = self._cloud.report.say
        return background.start("refreshing stack.json", self._refresh, REFRESH_SECONDS, say=say, first=REFRESH_SECONDS)

    async def _refresh(self) -> None:
        self.write()

    def write(self) -> None:
        """Write it whole or not at all, for the owner's eyes only."""
        content = {
            "base_url": self._cloud.endpoints.base_url,
            "functions": {name: function.front_end.url for name, function in self._functions.items()},
            "credentials": self._credentials(),
            **self._services(),
        }
        write_private(self._cloud.state.stack_file, json.dumps(content, indent=2))

    def remove(self) -> None:
        """Remove it."""
        self._cloud.state.stack_file.unlink(missing_ok=True)

    def _credentials(self) -> dict[str, str]:
        issuers = self._cloud.google.issuers
        credentials = {
            "user_token": issuers.users.token("user-1", self._audience, TOKEN_SECONDS),
            "other_user_token": issuers.users.token("user-2", self._audience, TOKEN_SECONDS),
        }
        operators = self._outputs.get("operators")
        if operators and "operator_audience" in self._outputs:
            audience = str(self._outputs["operator_audience"])
            credentials["admin_token"] = issuers.account_token(str(operators[0]), audience, TOKEN_SECONDS)
            for name, function in self._functions.items():
                # The platform takes tokens for the function itself only.
                if f"user:{operators[0]}" in function.front_end.invokers and not function.front_end.public:
                    own = function.front_end.audience
                    credentials[f"{name}_token"] = issuers.account_token(str(operators[0]), own, TOKEN_SECONDS)
        for name in ("admin_key", "service_key"):
            if name in self._outputs:
                credentials[name] = str(self._outputs[name])
        scheduler = self._outputs.get("scheduler_account")
        if scheduler and "database" in self._functions:
            audience = self._functions["database"].front_end.audience
            credentials["scheduler_token"] = issuers.account_token(str(scheduler), audience, TOKEN_SECONDS)
        return credentials

    def _services(self) -> dict[str, Any]:
        google, apis = self._cloud.google, self._cloud.endpoints.apis.url
        services: dict[str, Any] = {"google_apis": {"url": apis, "monitoring": google.monitoring.address}}
        for instance, name in google.cloud_sql.databases[:1]:
            postgres = google.cloud_sql.servers[instance]
            services["postgres"] = {
                "url": postgres.url(name),
                "host": postgres.host,
                "port": postgres.port,
                "user": postgres.user,
                "password": postgres.password,
                "database": name,
                "socket_dir": str(postgres.socket_dir),
            }
            if google.cloud_sql.service is not None:
                services["cloud_sql"] = {
                    "endpoint": apis + google.api_callers.path(OPERATOR),
                    "project": google.project,
                    "instance": instance,
                    "sockets": str(google.cloud_sql.service.sockets),
                }
        for redis in list(google.redis.values())[:1]:
            valkey = redis.server
            services["redis"] = {
                "url": valkey.url,
                "host": valkey.host,
                "port": valkey.port,
                "password": valkey.password,
            }
        if google.storage.url is not None:
            services["storage"] = {"url": google.storage.url, "buckets": list(google.storage.buckets)}
        return services
