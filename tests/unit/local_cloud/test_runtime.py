"""The program and its dynamic resources run on the Python that Pulumi's engine would take for each."""

import os
from pathlib import Path

import pytest
from tests.infra.deployment import REPOSITORY

from local_cloud.errors import DeploymentFailed
from local_cloud.pulumi.project import read_project
from local_cloud.pulumi.runtime import COMMAND, from_description


def environment(folder: Path) -> Path:
    interpreter = folder / "bin/python"
    interpreter.parent.mkdir(parents=True)
    interpreter.touch()
    return interpreter


def declared(**options: object) -> dict[str, object]:
    return {"name": "python", "options": options}


def test_the_program_and_dynamic_resources_look_in_their_own_folders(tmp_path: Path) -> None:
    expected = environment(tmp_path / ".venv"), environment(tmp_path / "infra/.venv")
    runtime = from_description(declared(virtualenv=".venv"), tmp_path, tmp_path / "infra")
    assert (runtime.program_interpreter(), runtime.dynamic_interpreter()) == expected


def test_an_environment_that_only_the_program_has_is_not_enough(tmp_path: Path) -> None:
    """What made every real deployment fail, and none here."""
    environment(tmp_path / ".venv")
    runtime = from_description(declared(virtualenv=".venv"), tmp_path, tmp_path / "infra")
    with pytest.raises(
        DeploymentFailed, match=r"virtualenv of Pulumi.yaml is '\.venv', and .*infra/\.venv is no virtual"
    ):
        runtime.dynamic_interpreter()


def test_a_fresh_clone_has_the_environment_in_both_places() -> None:
    """Git keeps the link, whether the environment is made already or not."""
    link = REPOSITORY / "infra/.venv"
    assert link.is_symlink()
    assert os.readlink(link) == "../.venv"
    runtime = read_project(REPOSITORY, "local").runtime
    assert runtime.program_interpreter().samefile(runtime.dynamic_interpreter())


def test_an_absolute_environment_serves_both(tmp_path: Path) -> None:
    expected = environment(tmp_path / "elsewhere")
    runtime = from_description(declared(virtualenv=str(tmp_path / "elsewhere")), tmp_path, tmp_path / "infra")
    assert runtime.program_interpreter() == runtime.dynamic_interpreter() == expected


def test_without_an_environment_it_is_the_first_python_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("python", "python3", "another"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(COMMAND, raising=False)
    assert from_description("python", tmp_path, tmp_path).program_interpreter() == tmp_path / "python3"
    monkeypatch.setenv(COMMAND, "another")
    assert from_description("python", tmp_path, tmp_path).dynamic_interpreter() == tmp_path / "another"
    monkeypatch.setenv(COMMAND, "missing")
    with pytest.raises(DeploymentFailed, match="there is no missing on the PATH"):
        from_description("python", tmp_path, tmp_path).program_interpreter()


@pytest.mark.parametrize(
    ("runtime", "message"),
    [
        ("nodejs", "runtime of Pulumi.yaml is 'nodejs'"),
        ({"name": "python", "version": 3}, "runtime.version"),
        (declared(typechecker="mypy"), "runtime.options.typechecker"),
        (declared(toolchain="uv"), "runtime.options.toolchain 'uv'"),
        (declared(virtualenv=["a"]), r"virtualenv of Pulumi.yaml is \['a'\]: set it to a folder"),
    ],
)
def test_what_is_not_honoured_is_refused_by_name(runtime: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(DeploymentFailed, match=message):
        from_description(runtime, tmp_path, tmp_path)


def test_a_lock_file_that_changes_the_toolchain_is_refused(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").touch()
    with pytest.raises(DeploymentFailed, match=r"uv\.lock makes uv the toolchain"):
        from_description("python", tmp_path, tmp_path / "infra")
    assert from_description(declared(toolchain="pip"), tmp_path, tmp_path / "infra").virtualenv is None
