"""What has to be there before what."""

from collections.abc import Iterator

from tests.infra.deployment import Deployment
from tests.infra.policies.rule import rule

from utxoiq_infra.configuration.catalog import MIGRATE

FUNCTION = "cloudfunctionsv2/function:Function"
MIGRATION = "pulumi-python:dynamic:Migration"
# The API that makes a resource, where it is not called as the provider's module is.
API_OF = {
    "billing": "billingbudgets",
    "cloudfunctionsv2": "cloudfunctions",
    "cloudrunv2": "run",
    "projects": "cloudresourcemanager",
    "serviceaccount": "iam",
    "sql": "sqladmin",
}
# Rights on what exists already: its API is enabled where it was made.
ELSEWHERE = {"gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember", "gcp:pubsub/topicIAMMember:TopicIAMMember"}
# What no resource is of, and another API needs: functions are built by it.
BESIDES = {"cloudbuild"}


@rule
def apis_are_enabled_first(deployment: Deployment) -> Iterator[str]:
    services = set(deployment.all("projects/service:Service"))
    enabled = {found["service"] for found in services}
    for resource in set(deployment.google()) - services:
        if not services <= set(deployment.before(resource)):
            yield f"{resource.name} waits for no APIs"
    made = {found.type for found in deployment.google()} - ELSEWHERE
    modules = {type_.removeprefix("gcp:").partition("/")[0] for type_ in made}
    for api in sorted({API_OF.get(module, module) for module in modules} | BESIDES):
        if f"{api}.googleapis.com" not in enabled:
            yield f"{api}.googleapis.com is needed, and is not among the APIs of services.py"


@rule
def the_schema_is_there_before_its_traffic(deployment: Deployment) -> Iterator[str]:
    for function in deployment.all(FUNCTION):
        earlier = {found.type for found in deployment.before(function)}
        if not function.name.endswith(MIGRATE.name) and MIGRATION not in earlier:
            yield f"{function.name} does not wait for the migrations"


@rule
def the_migrations_wait_for_all_that_they_need(deployment: Deployment) -> Iterator[str]:
    (migration,) = (found for found in deployment.resources if found.type == MIGRATION)
    earlier = deployment.before(migration)
    users = [found for found in earlier if found.type == "gcp:sql/user:User" and found["type"] != "CLOUD_IAM_USER"]
    with_database = [
        found for found in deployment.all(FUNCTION) if "DB_USER" in found["serviceConfig.environmentVariables"]
    ]
    if len(users) != len(with_database):
        yield "a database user may be missing when its rights are granted"
    if not any(found.type.endswith(":ServiceIamMember") for found in earlier):
        yield "the deployer may not be allowed to call migrate yet"
    if not any(found.type == "gcp:sql/database:Database" for found in earlier):
        yield "the database may not be there yet"


@rule
def functions_have_their_rights_before_they_start(deployment: Deployment) -> Iterator[str]:
    for function in deployment.all(FUNCTION):
        member = f"serviceAccount:{function['serviceConfig.serviceAccountEmail']}"
        earlier = set(deployment.before(function))
        for grant in deployment.google():
            needed = grant.type != "gcp:cloudrunv2/serviceIamMember:ServiceIamMember"
            if grant.inputs.get("member") == member and needed and grant not in earlier:
                yield f"{function.name} may start before {grant.name}"


@rule
def databases_wait_for_the_peering(deployment: Deployment) -> Iterator[str]:
    for type_ in ("sql/databaseInstance:DatabaseInstance", "redis/instance:Instance"):
        for instance in deployment.all(type_):
            if not any("servicenetworking" in found.type for found in deployment.before(instance)):
                yield instance.name
