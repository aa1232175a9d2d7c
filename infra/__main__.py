"""The system on Google Cloud: `pulumi up`, or `make up` for the same on one machine."""

from pathlib import Path

import pulumi

from utxoiq_infra.configuration.settings import NAME
from utxoiq_infra.configuration.stack import read
from utxoiq_infra.configuration.values import Values
from utxoiq_infra.persistence import PersistenceLayer

configuration = read(pulumi.get_stack(), Values.from_stack(NAME), Values.from_stack("gcp"))
system = PersistenceLayer(configuration.prefix, configuration, Path(__file__).resolve().parents[1])

for name, value in system.outputs().items():
    pulumi.export(name, value)
