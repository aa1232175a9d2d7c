"""What a preview would change, grouped for reading, with what that costs a month more."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pulumi.automation.events import EngineEvent, StepEventMetadata, StepEventStateMetadata

from commands.deploy.prices import Declared, monthly, price_monthly

WORDS = {"create": "create", "update": "change", "delete": "delete", "replace": "replace", "import": "take over"}
NAMES_SHOWN = 3
COLUMNS = ("", "what", "how many", "which", "$ a month")


@dataclass
class Plan:
    """steps: by operation and type, the names. before, after: every resource with its inputs."""

    steps: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    prices: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    before: list[Declared] = field(default_factory=list)
    after: list[Declared] = field(default_factory=list)

    def add(self, event: EngineEvent) -> None:
        """Take in an event of a preview."""
        if event.resource_pre_event is None:
            return
        step = event.resource_pre_event.metadata
        operation = str(step.op.value)
        # A replacement comes as three steps: its making and its deletion are parts of it.
        if operation in ("create-replacement", "delete-replaced", "read", "refresh"):
            return
        old, new = _declared(step.old), _declared(step.new)
        self.before += old
        self.after += new
        if operation in WORDS and not step.type.startswith("pulumi:"):
            self._add_step(operation, step, old, new)

    @property
    def more_a_month(self) -> float:
        """US dollars a month that the stack costs more once it is deployed."""
        return monthly(self.after) - monthly(self.before)

    def __bool__(self) -> bool:
        return bool(self.steps)

    def rows(self) -> list[tuple[str, ...]]:
        """Return one line an operation and type, for COLUMNS, and last the sum of what it costs."""
        rows = [
            _row(WORDS[operation], type_, names, self.prices[operation, type_])
            for (operation, type_), names in self._sorted()
        ]
        return [*rows, ("", "in all", str(sum(map(len, self.steps.values()))), "", f"{self.more_a_month:+.0f}")]

    def changes(self) -> list[dict[str, object]]:
        """Return the same for programs, with every name and US dollars a month."""
        return [
            {"operation": WORDS[key[0]], "type": key[1], "names": names, "more_a_month": round(self.prices[key], 2)}
            for key, names in self._sorted()
        ]

    def _sorted(self) -> list[tuple[tuple[str, str], list[str]]]:
        return sorted(self.steps.items())

    def _add_step(self, operation: str, step: StepEventMetadata, old: list[Declared], new: list[Declared]) -> None:
        key = operation, step.type.removeprefix("gcp:").rpartition(":")[2]
        self.steps[key].append(step.urn.rpartition("::")[2])
        self.prices[key] += sum(price_monthly(*one) for one in new) - sum(price_monthly(*one) for one in old)


def from_events(events: Iterable[EngineEvent]) -> Plan:
    """The plan of a whole preview."""
    plan = Plan()
    for event in events:
        plan.add(event)
    return plan


def _row(operation: str, type_: str, names: list[str], price: float) -> tuple[str, ...]:
    shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
    return operation, type_, str(len(names)), shown, f"{price:+.0f}" if price else ""


def _declared(state: StepEventStateMetadata | None) -> list[Declared]:
    return [(state.type, state.inputs or {})] if state is not None else []
