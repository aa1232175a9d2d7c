"""The system on Google Cloud: `pulumi up`, or `make up` for the same on one machine."""

from pathlib import Path

import pulumi

from utxoiq_infra.configuration import NAME
from utxoiq_infra.persistence import PersistenceLayer
from utxoiq_infra.stack_configuration import read
from utxoiq_infra.values import Values

configuration = read(pulumi.get_stack(), Values.of_stack(NAME), Values.of_stack("gcp"))
system = PersistenceLayer(configuration.prefix, configuration, Path(__file__).resolve().parents[1])

for name, value in system.outputs().items():
    pulumi.export(name, value)
