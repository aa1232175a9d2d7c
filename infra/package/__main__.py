"""The plugin of the package `utxoiq-persistence`: `pulumi package add …/infra/package` in a program of any language."""

import sys
from pathlib import Path

from pulumi.provider.experimental import component_provider_host

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from utxoiq_infra.configuration.settings import NAME
from utxoiq_infra.package import VERSION, PersistenceLayer

if __name__ == "__main__":
    component_provider_host(components=[PersistenceLayer], name=NAME, version=VERSION)
