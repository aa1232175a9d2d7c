"""What must hold of every deployment of this program; what any stack can be held to is in infra/utxoiq_policies."""

from tests.infra.policies import alerts, cost, hardening, order, recovery, security
from tests.infra.policies.rule import RULES, Rule

__all__ = ["RULES", "Rule", "alerts", "cost", "hardening", "order", "recovery", "security"]
