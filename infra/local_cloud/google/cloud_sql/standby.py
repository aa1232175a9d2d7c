"""A read replica of Cloud SQL: a standby that follows its primary by streaming, and answers who only reads."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from local_cloud.google.cloud_sql.instance import ManagedPostgres, format_restore_command
from local_cloud.google.cloud_sql.wal import SUFFIX
from local_cloud.processes.postgres import SUPERUSER
from local_cloud.processes.postgres_wheel import binaries
from local_cloud.processes.server import ServerFailed

SIGNAL = "standby.signal"
# A standby with less of one than its primary had stops.
LIMITS = re.compile(r"max_\S+ setting")


class Standby(ManagedPostgres):
    """A server that follows its primary and answers reads.

    primary: starts before it, and stops after it; once both run, either may be away for a while. What the primary does
    not stream any more comes from its archive, so nothing is kept there for a replica's sake. A copy that cannot
    follow, because the primary's data were replaced for example, is made anew as it starts.
    """

    def __init__(
        self,
        folder: Path,
        *,
        primary: ManagedPostgres,
        wal: Path,
        supervised: bool = False,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        super().__init__(
            folder,
            wal=wal,
            supervised=supervised,
            port=port,
            password=primary.password,  # roles are the primary's
            settings=settings,
            log=log,
        )
        self.primary = primary

    def prepare(self) -> None:
        """Copy the primary's data unless there is a copy that can follow. Raises ServerFailed."""
        with self._data:
            self._end_leftover()
            if not self._can_follow():
                self._copy()
        super().prepare()

    def _copy(self) -> None:
        """Copy the primary's data; the new copy is in its place whole or not at all."""
        fresh, former = (self.folder.with_name(f"{self.folder.name}.{which}") for which in ("fresh", "replaced"))
        for path in (fresh, former):
            shutil.rmtree(path, ignore_errors=True)
        self.primary.back_up(fresh)
        self._write(SIGNAL, str(self.primary.wal), fresh)
        if self.folder.exists():
            self.folder.rename(former)
        fresh.rename(self.folder)
        shutil.rmtree(former, ignore_errors=True)

    def _can_follow(self) -> bool:
        """Return whether the copy is of the primary's present history, each of which has an archive of its own."""
        signal = self.folder / SIGNAL
        if not self.initialised or not signal.exists() or signal.read_text() != str(self.primary.wal):
            return False
        own, its = _read_control_data(self), _read_control_data(self.primary)
        return (
            all(own[name] == its[name] for name in ("Database system identifier", "Latest checkpoint's TimeLineID"))
            and all(int(own[name]) <= int(its[name]) for name in own if LIMITS.fullmatch(name))
            and self._can_be_reached(_find_segment(own))
        )

    def _can_be_reached(self, segment: str) -> bool:
        return any(
            path.exists()
            for path in (self.primary.folder / "pg_wal" / segment, self.primary.wal / f"{segment}{SUFFIX}")
        )

    def _settings(self) -> dict[str, str]:
        return {
            **super()._settings(),
            "hot_standby": "on",
            "primary_conninfo": " ".join(
                f"{name}={_quote_conninfo(value)}"
                for name, value in (
                    ("host", self.primary.socket_dir),
                    ("port", self.primary.port),
                    ("user", SUPERUSER),
                    ("application_name", self.name),
                )
            ),
            "restore_command": format_restore_command(self.primary.wal, self.folder),
            "wal_retrieve_retry_interval": "1s",
        }


def _read_control_data(server: ManagedPostgres) -> dict[str, str]:
    done = subprocess.run(  # noqa: S603
        [binaries() / "pg_controldata", server.folder],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.defpath, "LC_ALL": "C"},
    )
    if done.returncode != 0:
        raise ServerFailed(f"the data of {server.name} cannot be told: {done.stderr}")
    lines = (line.partition(":") for line in done.stdout.splitlines())
    return {name: value.strip() for name, _, value in lines}


def _find_segment(control: Mapping[str, str]) -> str:
    """Return the file of the log that holds the end of what has certainly been replayed."""
    high, low = (int(half, 16) for half in control["Minimum recovery ending location"].split("/"))
    if (high, low) == (0, 0):  # a copy that has not run yet
        return control["Latest checkpoint's REDO WAL file"]
    size = int(control["Bytes per WAL segment"])
    timeline = int(control["Min recovery ending loc's timeline"])
    number = ((high << 32) + low - 1) // size
    a_log = 2**32 // size
    return f"{timeline:08X}{number // a_log:08X}{number % a_log:08X}"


def _quote_conninfo(value: object) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
