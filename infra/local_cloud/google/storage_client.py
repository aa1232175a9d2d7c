"""The few calls of Cloud Storage's JSON API that a deployment makes, and the platform itself."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import aiohttp

from local_cloud.errors import DeploymentFailed


class StorageClient:
    """Calls Cloud Storage's JSON API."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def ensure_bucket(self, project: str, bucket: Mapping[str, Any]) -> None:
        """Make a bucket unless it is there. bucket: as the API shows it. Raises DeploymentFailed."""
        async with self._session.get(f"{self.url}/storage/v1/b/{bucket['name']}") as found:
            if found.status == 200:
                return
        async with self._session.post(f"{self.url}/storage/v1/b", params={"project": project}, json=bucket) as made:
            await _require_success(made, f"making the bucket {bucket['name']}")

    async def upload(self, bucket: str, name: str, content: bytes, content_type: str) -> Mapping[str, Any]:
        """Upload an object unless it is there already, and return its metadata. Raises DeploymentFailed."""
        digest = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        async with self._session.get(f"{self.url}/storage/v1/b/{bucket}/o/{quote(name, safe='')}") as found:
            if found.status == 200:
                metadata: Mapping[str, Any] = await found.json()
                if metadata.get("md5Hash") == digest:
                    return metadata
        async with self._session.post(
            f"{self.url}/upload/storage/v1/b/{bucket}/o",
            params={"uploadType": "media", "name": name},
            data=content,
            headers={"Content-Type": content_type},
        ) as made:
            await _require_success(made, f"uploading {name} to {bucket}")
            uploaded: Mapping[str, Any] = await made.json()
            return uploaded

    async def download(self, bucket: str, name: str) -> bytes:
        """Return an object's content. Raises DeploymentFailed."""
        path = f"{self.url}/storage/v1/b/{bucket}/o/{quote(name, safe='')}"
        async with self._session.get(path, params={"alt": "media"}) as answer:
            await _require_success(answer, f"downloading {name} from {bucket}")
            return await answer.read()

    async def list_objects(self, bucket: str) -> list[Mapping[str, Any]]:
        """Return the metadata of a bucket's objects. Raises DeploymentFailed."""
        items: list[Mapping[str, Any]] = []
        parameters: dict[str, str] = {}
        while True:
            async with self._session.get(f"{self.url}/storage/v1/b/{bucket}/o", params=parameters) as answer:
                await _require_success(answer, f"listing {bucket}")
                page = await answer.json()
            items += page.get("items") or []
            if not page.get("nextPageToken"):
                return items
            parameters = {"pageToken": page["nextPageToken"]}

    async def delete(self, bucket: str, name: str) -> None:
        """Delete an object; one that is gone counts as deleted. Raises DeploymentFailed."""
        async with self._session.delete(f"{self.url}/storage/v1/b/{bucket}/o/{quote(name, safe='')}") as answer:
            if answer.status != 404:
                await _require_success(answer, f"deleting {name} of {bucket}")


async def _require_success(answer: aiohttp.ClientResponse, what: str) -> None:
    if answer.status >= 300:
        raise DeploymentFailed(f"{what}: storage answered {answer.status}: {(await answer.text())[:500]}")
