"""A stack's configuration reaches the program as the Pulumi CLI would hand it over."""

from pathlib import Path

import pytest

from local_cloud.errors import DeploymentFailed
from local_cloud.pulumi.project import read_project


def write(folder: Path, description: str, stack: str) -> Path:
    (folder / "Pulumi.yaml").write_text(description)
    (folder / "Pulumi.local.yaml").write_text(stack)
    return folder


def test_defaults_stack_values_and_structures(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        "name: shop\nmain: infra/\nconfig:\n  size: {type: integer, default: 3}\n  region: {default: here}\n",
        "config:\n  gcp:project: shop-local\n  shop:region: there\n  shop:limits: {a: [1, true]}\n",
    )
    project = read_project(root, "local")
    assert project.program == tmp_path / "infra"
    assert project.configuration == {
        "shop:size": "3",
        "shop:region": "there",
        "gcp:project": "shop-local",
        "shop:limits": '{"a": [1, true]}',
    }


def test_an_encrypted_value_is_refused_by_its_key(tmp_path: Path) -> None:
    root = write(tmp_path, "name: shop\n", "config:\n  shop:key: {secure: AAAB}\n")
    with pytest.raises(DeploymentFailed, match="shop:key is encrypted"):
        read_project(root, "local")


def test_a_missing_stack_is_named(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    with pytest.raises(DeploymentFailed, match=r"Pulumi\.prod\.yaml is missing"):
        read_project(tmp_path, "prod")


def test_a_schema_may_fix_a_value_or_be_one(tmp_path: Path) -> None:
    root = write(tmp_path, "name: shop\nconfig:\n  gcp:project: {value: one}\n  size: 3\n", "config: {region: there}\n")
    assert read_project(root, "local").configuration == {"gcp:project": "one", "shop:size": "3", "shop:region": "there"}


def test_stack_files_may_lie_in_a_folder_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    write(tmp_path / "stacks", "", "config: {shop:region: there}\n")
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nstackConfigDir: stacks\n")
    assert read_project(tmp_path, "local").configuration == {"shop:region": "there"}


@pytest.mark.parametrize(
    ("description", "stack", "message"),
    [
        ("plugins: {providers: []}", "", "Pulumi.yaml sets plugins, which the local deployer does not honour"),
        ("options: {refresh: always}", "", "Pulumi.yaml sets options"),
        ("mian: infra/", "", "Pulumi.yaml sets mian"),
        ("config: {size: {type: integer, minimum: 3}}", "", "config.size of Pulumi.yaml sets minimum"),
        ("runtime: {name: python, options: {typechecker: mypy}}", "", "runtime.options.typechecker"),
        ("", "environment: [shared]", r"Pulumi.local.yaml sets environment"),
    ],
)
def test_what_is_not_honoured_is_refused_by_name(description: str, stack: str, message: str, tmp_path: Path) -> None:
    root = write(tmp_path, f"name: shop\n{description}\n", f"{stack}\n")
    with pytest.raises(DeploymentFailed, match=message):
        read_project(root, "local")
