"""A stack's configuration as typed values; what is wrong is named together with its remedy."""

import json
import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from ipaddress import ip_network

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret


class ConfigurationError(pulumi.RunError):
    """A value that is wrong, or does not fit with another one. Pulumi shows its message alone, without a traceback."""

    def __init__(self, key: str, value: object, remedy: str) -> None:
        super().__init__(f"{key} is {value!r}: {remedy}")
        self.key = key


class Values:
    """The keys of one namespace. Every method raises ConfigurationError for a value that is not of its kind.

    secrets: those keys, with their namespace, that are encrypted in the stack's file.
    """

    def __init__(self, namespace: str, values: Mapping[str, str], secrets: Collection[str] = ()) -> None:
        self.asked: set[str] = set()
        self.pulumi_resource_namespace = namespace
        self._secrets = secrets
        self._values = {
            key.removeprefix(f"{namespace}:"): text for key, text in values.items() if key.startswith(f"{namespace}:")
        }

    @classmethod
    def from_stack(cls, namespace: str) -> "Values":
        """Return the values of the current Pulumi stack."""
        values = {**get_config_env(), **CONFIG.get()}
        return cls(namespace, values, [key for key in values if is_config_secret(key)])

    def refuse(self, key: str, remedy: str, value: object = None) -> ConfigurationError:
        """Return the error for this key's value, or for the given default."""
        return ConfigurationError(f"{self.pulumi_resource_namespace}:{key}", self._values.get(key, value), remedy)

    def refuse_unknown(self) -> None:
        """Raise ConfigurationError if there is a key that was never read: it is most likely misspelt."""
        for key in sorted(self._values.keys() - self.asked):
            near = get_close_matches(key, self.asked, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise self.refuse(key, f"there is no such key; {hint}Pulumi.yaml lists them all")

    def text(self, key: str, default: str, pattern: str = ".*", remedy: str = "") -> str:
        """Return the value as a string that matches the pattern."""
        text = self._text(key, default)
        if text and not re.fullmatch(pattern, text):
            raise self.refuse(key, remedy)
        return text

    def secret(self, key: str, pattern: str, remedy: str) -> str:
        """Return the value as a string that is in no message and in no file in plain text."""
        name, text = f"{self.pulumi_resource_namespace}:{key}", self._text(key, "")
        if text and name not in self._secrets:
            raise ConfigurationError(name, "a secret", f"it is not encrypted: pulumi config set --secret {key}")
        if text and not re.fullmatch(pattern, text):
            raise ConfigurationError(name, "a secret", remedy)
        return text

    def required(self, key: str, pattern: str, remedy: str) -> str:
        """Return the value as a string. Raises ConfigurationError if there is none."""
        text = self._text(key, "")
        if not re.fullmatch(pattern, text):
            raise self.refuse(key, remedy)
        return text

    def choice(self, key: str, default: str, choices: Collection[str]) -> str:
        """Return the value, which is one of the choices."""
        text = self._text(key, default)
        if text not in choices:
            raise self.refuse(key, f"set it to one of {', '.join(sorted(choices))}")
        return text

    def integer(self, key: str, default: int, minimum: int, maximum: int) -> int:
        """Return the value as an integer within the bounds."""
        text = self._text(key, str(default))
        if not re.fullmatch(r"-?\d+", text) or not minimum <= int(text) <= maximum:
            raise self.refuse(key, f"set it to a whole number from {minimum} to {maximum}")
        return int(text)

    def number(self, key: str, default: float, minimum: float, maximum: float) -> float:
        """Return the value as a number within the bounds."""
        text = self._text(key, f"{default:g}")
        if not re.fullmatch(r"\d+(\.\d+)?", text) or not minimum <= float(text) <= maximum:
            raise self.refuse(key, f"set it to a number from {minimum:g} to {maximum:g}")
        return float(text)

    def switch(self, key: str, default: bool) -> bool:
        """Return the value as a boolean."""
        text = self._text(key, str(default).lower())
        if text not in ("true", "false"):
            raise self.refuse(key, "set it to true or false")
        return text == "true"

    def texts(self, key: str, pattern: str, remedy: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return the value as strings that each match the pattern."""
        entries = self._json(key, list(default), "set it to an array of strings")
        if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
            raise self.refuse(key, "set it to an array of strings")
        for entry in entries:
            if not re.fullmatch(pattern, entry):
                raise ConfigurationError(f"{self.pulumi_resource_namespace}:{key}", entry, remedy)
        return tuple(entries)

    def network(self, key: str, default: str) -> str:
        """Return the value as a range of private addresses."""
        text = self._text(key, default)
        try:
            private = ip_network(text).is_private
        except ValueError:
            private = False
        if not private:
            raise self.refuse(key, "set it to a range of private addresses such as 10.8.0.0/24")
        return text

    def mapping(self, key: str, names: Collection[str]) -> "Values":
        """Return an object of strings as Values of their own, whose keys read `schedules:publish-metrics`."""
        remedy = f"set it to an object of texts, by the names {', '.join(sorted(names))}"
        entries = self._json(key, {}, remedy)
        if not isinstance(entries, dict) or entries.keys() - set(names):
            raise self.refuse(key, remedy)
        return self._within(key, entries)

    def objects(self, key: str, names: Collection[str]) -> dict[str, "Values"]:
        """Return an object of objects as Values of their own, whose keys read `functions.feedback:maxInstances`."""
        remedy = f"set it to an object of objects, by the names {', '.join(sorted(names))}"
        entries = self._json(key, {}, remedy)
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            raise self.refuse(key, remedy)
        if entries.keys() - set(names):
            raise self.refuse(key, remedy)
        return {name: self._within(f"{key}.{name}", entries.get(name, {})) for name in names}

    def _within(self, path: str, entry: Mapping[str, object]) -> "Values":
        namespace = f"{self.pulumi_resource_namespace}:{path}"
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in entry.items()}
        return Values(namespace, {f"{namespace}:{name}": text for name, text in texts.items()})

    def _text(self, key: str, default: str) -> str:
        self.asked.add(key)
        return str(self._values.get(key, default))

    def _json(self, key: str, default: object, remedy: str) -> object:
        self.asked.add(key)
        if key not in self._values:
            return default
        try:
            return json.loads(self._values[key])
        except ValueError:
            raise self.refuse(key, remedy) from None
