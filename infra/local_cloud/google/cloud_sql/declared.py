"""An instance as the program declares it, in the Admin API's words."""

from collections.abc import Mapping
from typing import Any

# Where the provider has another name for the same.
RENAMED = {"diskSize": "dataDiskSizeGb", "diskType": "dataDiskType", "diskAutoresize": "storageAutoResize"}


def to_admin_settings(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return an instance's settings as the Admin API names them. inputs: of the declaration."""
    settings: Mapping[str, Any] = inputs.get("settings") or {}
    named = {RENAMED.get(name, name): value for name, value in settings.items()}
    if "dataDiskSizeGb" in named:
        named["dataDiskSizeGb"] = str(named["dataDiskSizeGb"])
    return named
