"""What a taken-over PostgreSQL could do to the machine: no more than an ordinary user, whoever started the stack."""

import errno
import os
import pwd
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pg8000.native
import pytest

from local_cloud.processes.passable import make_passable
from local_cloud.processes.postgres import SUPERUSER, Postgres
from local_cloud.processes.postgres_wheel import binaries
from local_cloud.processes.server import ServerFailed

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has rights to leave behind")
STRANGER = "daemon"


def run_program(connection: pg8000.native.Connection, program: str) -> list[str]:
    """The lines that a program prints which the server runs."""
    connection.run("CREATE TEMP TABLE IF NOT EXISTS printed (line text)")
    connection.run("TRUNCATE printed")
    literal = pg8000.native.literal(program)
    connection.run(f"COPY printed FROM PROGRAM {literal} (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')")
    return [str(line) for (line,) in connection.run("SELECT line FROM printed")]


@pytest.fixture
def superuser(postgres: Postgres) -> Iterator[pg8000.native.Connection]:
    with postgres.connect() as connection:
        yield connection


def test_a_program_of_the_database_has_no_capability_and_is_not_root(superuser: pg8000.native.Connection) -> None:
    uid, *status = run_program(superuser, "id -u; cat /proc/self/status")
    fields = dict(line.split(":\t", 1) for line in status if ":\t" in line)
    expected = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    assert int(uid) == expected
    assert set(fields["Uid"].split()) == {str(expected)}
    assert {name: int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {
        "CapInh": 0,
        "CapPrm": 0,
        "CapEff": 0,
        "CapAmb": 0,
    }
    if os.geteuid() == 0:
        assert (int(fields["CapBnd"], 16), fields["NoNewPrivs"], fields["Groups"].strip()) == (0, "1", "")


@ROOT
def test_it_reads_no_file_of_roots(superuser: pg8000.native.Connection, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of root\n")
    secret.chmod(0o600)
    make_passable(secret, "nobody")
    assert run_program(superuser, f"cat {secret} 2>&1 || true") == [f"cat: {secret}: Permission denied"]


def login(postgres: Postgres, system_user: str, role: str) -> str:
    """What psql says to a user of the machine who comes by the socket."""
    entry = pwd.getpwnam(system_user)
    done = subprocess.run(
        [
            binaries() / "psql",
            "--no-password",
            "--tuples-only",
            "--no-align",
            f"--host={postgres.socket_dir}",
            f"--port={postgres.port}",
            f"--username={role}",
            "--command=SELECT session_user",
            "postgres",
        ],
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"HOME": "/"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or done.stderr


@ROOT
def test_the_socket_is_for_whoever_started_the_server_and_its_own_tools(tmp_path: Path) -> None:
    with Postgres(tmp_path / "data", password="secret") as postgres:
        with postgres.connect() as connection:
            connection.run("CREATE ROLE somebody LOGIN")
        assert login(postgres, "root", "somebody") == "somebody"
        assert login(postgres, "nobody", SUPERUSER) == SUPERUSER
        assert "peer authentication failed" in login(postgres, "nobody", "somebody").lower()
        assert postgres.socket_dir.stat().st_mode & 0o077 == 0
        assert "Permission denied" in login(postgres, STRANGER, SUPERUSER)
        # And where nothing keeps it from the socket itself:
        postgres.socket_dir.chmod(0o711)
        (postgres.socket_dir / f".s.PGSQL.{postgres.port}").chmod(0o777)
        assert "peer authentication failed" in login(postgres, STRANGER, SUPERUSER).lower()


@ROOT
def test_a_link_that_the_server_puts_into_its_data_leads_root_nowhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("of root")
    names = ("pg_hba.conf", "pg_ident.conf", "local.conf")
    postgres = Postgres(tmp_path / "data", password="secret")
    with postgres:
        pass
    for name in names:
        (postgres.folder / name).unlink()
        (postgres.folder / name).symlink_to(victim)
    with postgres:
        assert postgres.probe()
    assert (victim.read_text(), victim.stat().st_uid) == ("of root", 0)


@ROOT
def test_a_link_in_the_place_of_its_sockets_folder_is_refused(tmp_path: Path) -> None:
    postgres = Postgres(tmp_path / "data", password="secret")
    victim = tmp_path / "victim"
    victim.mkdir()
    postgres.socket_dir.symlink_to(victim)
    try:
        with pytest.raises(ServerFailed, match="is no folder; remove it"):
            postgres.start()
    finally:
        postgres.socket_dir.unlink()
    assert victim.stat().st_uid == 0


@ROOT
def test_a_folder_is_passed_by_the_servers_user_alone_and_not_listed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    (closed / "data").chmod(0o755)

    def ask(user: str, command: list[str]) -> bool:
        entry = pwd.getpwnam(user)
        done = subprocess.run(command, user=entry.pw_uid, group=entry.pw_gid, extra_groups=[], cwd="/", check=False)
        return done.returncode == 0

    passes, lists = ["/usr/bin/test", "-d", str(closed / "data")], ["/bin/ls", str(closed)]
    assert not ask("nobody", passes)
    assert closed in make_passable(closed / "data", "nobody")
    assert (ask("nobody", passes), ask("nobody", lists), ask(STRANGER, passes)) == (True, False, False)
    assert make_passable(closed / "data", "nobody") == []
    closed.chmod(0o700)  # as whoever tightens it does, which takes the entry's effect away
    assert make_passable(closed / "data", "nobody") == [closed]
    assert ask("nobody", passes)


@ROOT
def test_where_there_are_no_lists_everybody_may_pass_and_nobody_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> bytes:
        raise OSError(errno.EOPNOTSUPP, "no access control lists")

    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    with monkeypatch.context() as patch:
        patch.setattr(os, "getxattr", unsupported)
        patch.setattr(os, "setxattr", unsupported)
        assert closed in make_passable(closed / "data", "nobody")
    assert closed.stat().st_mode & 0o777 == 0o701
