"""The random provider: made once, kept in the state, made anew where the inputs change."""

import base64
import hashlib
import json
import secrets
import string
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import handles

SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
CLASSES = {
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "numeric": string.digits,
    "special": SPECIAL,
}


@handles("random:index/randomPassword:RandomPassword")
async def password(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Return a secret text."""
    result = _keep_value(cloud, declaration, lambda: _generate_text(declaration.inputs))
    return CreatedResource(id="none", outputs={"result": result}, secret=frozenset({"result"}))


@handles("random:index/randomString:RandomString")
async def text(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Return a text that is no secret."""
    result = _keep_value(cloud, declaration, lambda: _generate_text(declaration.inputs))
    return CreatedResource(id=result, outputs={"result": result})


@handles("random:index/randomUuid:RandomUuid")
async def random_uuid(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Return a UUID."""
    result = _keep_value(cloud, declaration, lambda: str(uuid.uuid4()))
    return CreatedResource(id=result, outputs={"result": result})


@handles("random:index/randomId:RandomId")
async def random_id(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
    """Return random bytes in several notations."""
    digits = _keep_value(cloud, declaration, lambda: secrets.token_hex(int(declaration.inputs["byteLength"])))
    content = bytes.fromhex(digits)
    prefix = str(declaration.inputs.get("prefix") or "")
    url_safe = base64.urlsafe_b64encode(content).decode().rstrip("=")
    return CreatedResource(
        id=url_safe,
        outputs={
            "hex": prefix + digits,
            "dec": prefix + str(int(digits, 16)),
            "b64Std": prefix + base64.b64encode(content).decode(),
            "b64Url": prefix + url_safe,
        },
    )


def _keep_value(cloud: LocalCloud, declaration: Declaration, make: Callable[[], str]) -> str:
    inputs = hashlib.sha256(json.dumps(declaration.inputs, sort_keys=True).encode()).hexdigest()
    kept = cloud.state.find("generated", declaration.urn)
    if kept is None or kept["inputs"] != inputs:
        kept = {"inputs": inputs, "value": make()}
        cloud.state.put("generated", declaration.urn, kept)
    return str(kept["value"])


def _generate_text(inputs: Mapping[str, Any]) -> str:
    """Return a text with at least the declared number of each class, in any order."""
    classes = {name: letters for name, letters in CLASSES.items() if inputs.get(name, True)}
    if "special" in classes and inputs.get("overrideSpecial"):
        classes["special"] = str(inputs["overrideSpecial"])
    chosen = [
        secrets.choice(letters)
        for name, letters in classes.items()
        for _ in range(int(inputs.get(f"min{name.title()}", 0)))
    ]
    alphabet = "".join(classes.values())
    chosen += [secrets.choice(alphabet) for _ in range(int(inputs["length"]) - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)
