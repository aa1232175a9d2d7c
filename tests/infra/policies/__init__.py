"""What must hold of every deployment, each rule a function that yields what breaks it."""

from tests.infra.policies import alerts, cost, order, recovery, security
from tests.infra.policies.rule import RULES, Rule

__all__ = ["RULES", "Rule", "alerts", "cost", "order", "recovery", "security"]
