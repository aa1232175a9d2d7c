"""The policy pack `utxoiq-persistence`, for `pulumi preview --policy-pack` with a stack of any program."""

import sys
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from utxoiq_policies.pack import policies

if __name__ == "__main__":
    PolicyPack("utxoiq-persistence", [*policies()], enforcement_level=EnforcementLevel.MANDATORY)
