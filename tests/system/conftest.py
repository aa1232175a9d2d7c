import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from tests.system.running import LocalStack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The whole system, as `make up` starts it."""
    stack = LocalStack(tmp_path_factory.mktemp("stack"))
    try:
        yield stack.start()
    finally:
        stack.end()


@pytest.fixture
def client(stack: LocalStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.base_url, timeout=120) as client:
        yield client


@pytest.fixture(scope="session")
def user(stack: LocalStack) -> dict[str, str]:
    return bearer(stack, "user_token")


@pytest.fixture(scope="session")
def other_user(stack: LocalStack) -> dict[str, str]:
    return bearer(stack, "other_user_token")


@pytest.fixture(scope="session")
def operator(stack: LocalStack) -> dict[str, str]:
    return bearer(stack, "admin_token")


@pytest.fixture(scope="session")
def backup_operator(stack: LocalStack) -> dict[str, str]:
    """An operator with a token for that function, which the platform guards."""
    return bearer(stack, "backup_token")


@pytest.fixture(scope="session")
def service(stack: LocalStack) -> dict[str, str]:
    return {"X-API-Key": stack.description["credentials"]["service_key"]}


@pytest.fixture(scope="session")
def scheduler(stack: LocalStack) -> dict[str, str]:
    return bearer(stack, "scheduler_token")


def bearer(stack: LocalStack, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.description['credentials'][name]}"}


@pytest.fixture
def small(tmp_path: Path) -> Iterator["SmallProject"]:
    """A project of a few lines, on a state of its own."""
    project = SmallProject(tmp_path)
    try:
        yield project
    finally:
        project.stack.end()


class SmallProject:
    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.folder.mkdir()
        runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
        (self.folder / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "small", "runtime": runtime}))
        (self.folder / "Pulumi.local.yaml").write_text("config:\n  gcp:project: small-local\n")
        self.stack = LocalStack(folder, self.folder)

    def write(self, program: str) -> LocalStack:
        (self.folder / "__main__.py").write_text(program)
        return self.stack
