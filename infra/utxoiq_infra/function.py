"""A function (2nd gen), built from its source archive."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_gcp import cloudfunctionsv2, cloudrunv2, storage

from utxoiq_infra.build import Build
from utxoiq_infra.component import Component
from utxoiq_infra.configuration.catalog import FunctionSpec
from utxoiq_infra.configuration.settings import Configuration
from utxoiq_infra.encryption import Encryption
from utxoiq_infra.identity import Account
from utxoiq_infra.network import Network
from utxoiq_infra.secrets import Mount
from utxoiq_infra.source_archive import SourceArchive
from utxoiq_infra.storage import Storage

EVERYBODY = "allUsers"


@dataclass(frozen=True)
class Platform:
    """What all functions of a stack depend on."""

    network: Network
    buckets: Storage
    build: Build
    encryption: Encryption


class ServerlessFunction(Component):
    """A function, which nobody may invoke until `allow` is called."""

    def __init__(
        self,
        configuration: Configuration,
        spec: FunctionSpec,
        platform: Platform,
        *,
        source: SourceArchive,
        account: Account,
        environment: Mapping[str, pulumi.Input[str]],
        mounts: Mapping[str, Mount],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        name = configuration.function_name(spec)
        super().__init__("ServerlessFunction", name, opts)
        self._configuration = configuration
        sizing = configuration.sizing[spec.name]
        # The content's digest is in the name: the same content is no change, other content is a new deployment.
        archive = storage.BucketObject(
            f"{name}-source",
            name=f"{spec.name}-{source.digest}.zip",
            bucket=platform.buckets.sources.name,
            source=source.as_archive(),
            content_type="application/zip",
            opts=self.own(),
        )
        self.function = cloudfunctionsv2.Function(
            name,
            name=name,
            project=configuration.project,
            location=configuration.region,
            description=spec.description,
            kms_key_name=platform.encryption.key,
            build_config=cloudfunctionsv2.FunctionBuildConfigArgs(
                runtime=configuration.runtime,
                entry_point=spec.name,
                service_account=platform.build.account.account.name,
                docker_repository=platform.build.repository.id,
                source=cloudfunctionsv2.FunctionBuildConfigSourceArgs(
                    storage_source=cloudfunctionsv2.FunctionBuildConfigSourceStorageSourceArgs(
                        bucket=archive.bucket, object=archive.name
                    )
                ),
            ),
            service_config=cloudfunctionsv2.FunctionServiceConfigArgs(
                service_account_email=account.email,
                available_memory=f"{sizing.memory_mib}Mi",
                available_cpu=sizing.cpu,
                max_instance_request_concurrency=sizing.concurrency,
                min_instance_count=sizing.min_instances,
                max_instance_count=sizing.max_instances,
                timeout_seconds=sizing.timeout_seconds,
                ingress_settings=configuration.ingress(spec),
                all_traffic_on_latest_revision=True,
                direct_vpc_egress=platform.network.traffic,
                direct_vpc_network_interfaces=[
                    cloudfunctionsv2.FunctionServiceConfigDirectVpcNetworkInterfaceArgs(
                        network=platform.network.network.name, subnetwork=platform.network.subnetwork.name
                    )
                ],
                # Served by uvicorn: an async entry point needs it. Google sets the other one where nobody does, and
                # then takes standard output away while a request is answered; our lines have an id of their own.
                environment_variables={"FUNCTION_USE_ASGI": "true", "LOG_EXECUTION_ID": "false", **environment},
                secret_environment_variables=[
                    cloudfunctionsv2.FunctionServiceConfigSecretEnvironmentVariableArgs(
                        key=key, project_id=mount.project, secret=mount.secret, version=mount.version
                    )
                    for key, mount in mounts.items()
                ],
            ),
            labels=configuration.labels,
            opts=self.own(
                depends_on=[
                    *platform.build.grants,
                    *platform.network.egress,
                    *platform.encryption.grants,
                    *(mount.grant for mount in mounts.values()),
                ]
            ),
        )
        self.url = self.function.url
        self.service = self.function.service_config.apply(lambda config: _known(config, "service").rpartition("/")[2])
        # Cloud Run's own URL: behind a load balancer, Google's services are let in by this one only.
        self.run_url = self.function.service_config.apply(lambda config: _known(config, "uri"))
        self.register_outputs({"url": self.url})

    def allow(self, caller: str, member: pulumi.Input[str]) -> pulumi.Resource:
        """Grants the invocation.

        On the Cloud Run service beneath: that is what checks a call to a function of the 2nd generation. The
        function's own roles/cloudfunctions.invoker opens only those of the 1st.
        """
        return cloudrunv2.ServiceIamMember(
            f"{self.pulumi_resource_name}-{caller}",
            project=self._configuration.project,
            location=self._configuration.region,
            name=self.service,
            role="roles/run.invoker",
            member=member,
            opts=self.own(),
        )


def _known(config: cloudfunctionsv2.outputs.FunctionServiceConfig | None, name: str) -> str:
    """What Google tells of a function's Cloud Run service; its name in full, projects/…/services/<name>."""
    value = None if config is None else getattr(config, name)
    if not isinstance(value, str):
        raise ValueError(f"the function came back without the {name} of its Cloud Run service")
    return value
