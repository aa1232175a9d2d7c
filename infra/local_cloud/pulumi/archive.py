"""The zip of an archive that the program declares: the same content makes the same bytes."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from local_cloud.errors import DeploymentFailed
from local_cloud.pulumi.values import PulumiArchive, PulumiAsset

# The earliest that a zip can say.
EPOCH = (1980, 1, 1, 0, 0, 0)


def build_zip(archive: PulumiArchive, base: Path) -> bytes:
    """Return an archive as a zip. base: the folder that relative paths are relative to. Raises DeploymentFailed."""
    if archive.path is not None and (base / archive.path).is_file():
        return (base / archive.path).read_bytes()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as file:
        for name, content in sorted(_iterate_members(archive, base)):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            file.writestr(entry, content)
    return buffer.getvalue()


def read_asset(asset: PulumiAsset, base: Path) -> bytes:
    """Return an asset's content. base: the folder that relative paths are relative to. Raises DeploymentFailed."""
    if asset.text is not None:
        return asset.text.encode()
    if asset.path is not None:
        return (base / asset.path).read_bytes()
    raise DeploymentFailed(f"the asset {asset.uri}: the local deployer fetches nothing; declare a file or a text")


def _iterate_members(archive: PulumiArchive, base: Path) -> Iterator[tuple[str, bytes]]:
    if archive.assets is not None:
        for name, member in archive.assets.items():
            if isinstance(member, PulumiAsset):
                yield name, read_asset(member, base)
            else:
                yield from ((f"{name}/{inner}", content) for inner, content in _iterate_members(member, base))
    elif archive.path is not None:
        root = base / archive.path
        yield from ((str(path.relative_to(root)), path.read_bytes()) for path in root.rglob("*") if path.is_file())
    else:
        raise DeploymentFailed(f"the archive {archive.uri}: the local deployer fetches nothing; declare files")
