"""The number of the project, by which some of Google's APIs know it."""

import pulumi
from pulumi_gcp import organizations

from utxoiq_infra.configuration.settings import Configuration


def project_number(configuration: Configuration, parent: pulumi.Resource) -> pulumi.Input[str]:
    """Return the configured number, or ask Google for it, which a preview does as well."""
    if configuration.project_number:
        return configuration.project_number
    options = pulumi.InvokeOutputOptions(parent=parent)
    return organizations.get_project_output(project_id=configuration.project, opts=options).number
