"""What stays between two runs, in a folder that only its owner may enter."""

import json
import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

STACK_FILE = "stack.json"
# Of each log, what is kept of earlier runs.
KEPT_LOG_BYTES = 4 * 2**20


class State:
    """Keeps sections of named JSON values, written through at each change. They hold secrets: never printed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # To pass it may be let the user of a server: a mode that only lets pass stays.
        if self.folder.stat().st_mode & 0o066:
            self.folder.chmod(0o700)
        self.logs = self._subfolder("logs")
        self.keys = self._subfolder("keys")
        self.functions = self._subfolder("functions")
        self._file = self.folder / "state.json"
        # Servers are started by threads, too.
        self._lock = threading.Lock()
        self._sections: dict[str, dict[str, Any]] = json.loads(self._file.read_text()) if self._file.exists() else {}

    @property
    def stack_file(self) -> Path:
        """Return where the addresses and credentials are written."""
        return self.folder / STACK_FILE

    def find(self, section: str, name: str) -> Any:
        """Return a value; None if there is none."""
        return self._sections.get(section, {}).get(name)

    def put(self, section: str, name: str, value: Any) -> None:
        """Store a value."""
        with self._lock:
            self._sections.setdefault(section, {})[name] = value
            write_private(self._file, json.dumps(self._sections, indent=1))

    def replace(self, section: str, values: Mapping[str, Any]) -> None:
        """Store the values of a section in the place of all that it holds."""
        with self._lock:
            self._sections[section] = dict(values)
            write_private(self._file, json.dumps(self._sections, indent=1))

    def section(self, section: str) -> Mapping[str, Any]:
        """Return a section's values by name."""
        return dict(self._sections.get(section, {}))

    def keep(self, section: str, name: str, make: Callable[[], Any]) -> Any:
        """Return the value that was made the first time."""
        value = self.find(section, name)
        if value is None:
            value = make()
            self.put(section, name, value)
        return value

    def log(self, name: str) -> Path:
        """Return the path of a log."""
        return self.logs / f"{name}.log"

    def prune_logs(self) -> None:
        """Cut what earlier runs have logged to the newest KEPT_LOG_BYTES of each log, whole lines. Nobody may write."""
        for log in self.logs.glob("*.log"):
            excess = log.stat().st_size - KEPT_LOG_BYTES
            if excess > 0:
                with log.open("rb") as file:
                    file.seek(excess - 1)
                    file.readline()
                    kept = file.read()
                log.write_bytes(kept)

    def _subfolder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True, mode=0o700)
        return folder


def write_private(path: Path, text: str) -> None:
    """Write a file whole or not at all, for the owner's eyes only."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made with mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
