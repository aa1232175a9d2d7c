"""Environments of functions, which deployers share: made once, whoever comes meanwhile, and removed when unused."""

import asyncio
import hashlib
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_cloud.errors import DeploymentFailed
from local_cloud.processes.environments import COMPLETE, UNUSED_SECONDS, Environments, choose_folder

Deployer = Callable[[], Environments]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def deployer(tmp_path: Path, said: list[str]) -> Iterator[Deployer]:
    """Makes what each deployer of this user has of its own."""
    made = []

    def make() -> Environments:
        made.append(Environments(choose_folder(tmp_path / "state"), tmp_path / "packages.log", said.append))
        return made[-1]

    yield make
    for one in made:
        one.release()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write_requirements(folder: Path, package: str) -> Path:
    """Return requirements of one package, which is made here and holds its own name."""
    wheel = folder / f"{package}-1-py3-none-any.whl"
    about = f"{package}-1.dist-info"
    files = {
        f"{package}.py": f"name = {package!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{about}/RECORD", "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"]))
    requirements = folder / f"{package}.txt"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    requirements.write_text(f"{package} @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    return requirements


def import_name(environment: Path, package: str) -> str:
    program = f"import {package}; print({package}.name)"
    done = subprocess.run([environment / "bin" / "python", "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def age(environment: Path) -> None:
    long_ago = time.time() - UNUSED_SECONDS - 60
    os.utime(environment / COMPLETE, (long_ago, long_ago))


async def ensure_by_each(deployers: list[Environments], requirements: Path) -> list[Path]:
    return await asyncio.gather(*(one.ensure(requirements) for one in deployers))


def test_deployers_that_start_at_once_make_it_once(
    tmp_path: Path, cache: Path, deployer: Deployer, said: list[str]
) -> None:
    requirements = write_requirements(tmp_path, "common")
    made = asyncio.run(ensure_by_each([deployer(), deployer(), deployer()], requirements))
    (environment,) = set(made)
    assert import_name(environment, "common") == "common"
    assert environment.is_relative_to(cache)
    assert len(said) == 1
    assert asyncio.run(deployer().ensure(requirements)) == environment
    assert len(said) == 1


def test_one_that_was_left_half_way_is_made_anew(tmp_path: Path, deployer: Deployer, said: list[str]) -> None:
    requirements = write_requirements(tmp_path, "common")
    wheel = tmp_path / "common-1-py3-none-any.whl"
    content = wheel.read_bytes()
    wheel.write_bytes(b"another one")
    with pytest.raises(DeploymentFailed, match="uv pip sync ended with"):
        asyncio.run(deployer().ensure(requirements))
    wheel.write_bytes(content)
    assert import_name(asyncio.run(deployer().ensure(requirements)), "common") == "common"
    assert len(said) == 2


def test_other_requirements_and_another_interpreter_have_their_own(
    tmp_path: Path, deployer: Deployer, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (write_requirements(tmp_path, package) for package in ("one", "other"))
    first = asyncio.run(deployer().ensure(one))
    second = asyncio.run(deployer().ensure(other))
    monkeypatch.setattr(sys, "version", "another")
    third = asyncio.run(deployer().ensure(one))
    assert len({first, second, third}) == 3


def test_what_nobody_has_used_for_long_is_removed_once_another_is_made(tmp_path: Path, deployer: Deployer) -> None:
    left, taken, used, new = (write_requirements(tmp_path, package) for package in ("left", "taken", "used", "new"))
    gone, earlier = deployer(), deployer()
    unused, again = (asyncio.run(gone.ensure(one)) for one in (left, taken))
    kept = asyncio.run(earlier.ensure(used))
    gone.release()
    for one in (unused, again, kept):
        age(one)
    later = deployer()
    assert asyncio.run(later.ensure(taken)) == again
    asyncio.run(later.ensure(new))
    assert [one.exists() for one in (unused, again, kept)] == [False, True, True]
    assert import_name(asyncio.run(later.ensure(left)), "left") == "left"


def test_they_are_beside_the_data_where_the_cache_is_not_to_be_had(tmp_path: Path, cache: Path) -> None:
    cache.touch()
    assert choose_folder(tmp_path / "state") == tmp_path / "state"
    assert (tmp_path / "state").is_dir()


def test_they_are_beside_the_data_of_a_user_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", fail)
    assert choose_folder(tmp_path / "state") == tmp_path / "state"


def test_those_that_a_release_before_kept_beside_the_data_are_removed(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "state" / "0123456789abcdef" / "bin").mkdir(parents=True)
    assert choose_folder(tmp_path / "state").is_relative_to(cache)
    assert not (tmp_path / "state").exists()
