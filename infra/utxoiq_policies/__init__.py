"""What any stack on Google Cloud can be held to, each rule a function that yields what breaks it.

The rules know nothing of this program: they read types and properties. Rules that compare with its configuration,
names or outputs are in tests/infra/policies.
"""

from utxoiq_policies import cost, destruction, recovery, security
from utxoiq_policies.rule import RULES, Resource, Rule, Stack

__all__ = ["RULES", "Resource", "Rule", "Stack", "cost", "destruction", "recovery", "security"]
