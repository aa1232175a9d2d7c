"""What Google Cloud answers when a resource is made: the outputs that the program goes on with."""

from collections.abc import Callable, Mapping
from typing import Any

from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks, rpc

REDIS_PASSWORD = "redis-password"

Inputs = Mapping[str, Any]
Outputs = dict[str, Any]


class Google(Mocks):
    """preview: of what is not there yet nothing is known but what the program itself says."""

    def __init__(self, *, preview: bool = False) -> None:
        self._preview = preview

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, Outputs]:
        outputs = OUTPUTS[args.typ](args.inputs) if args.typ in OUTPUTS else {}
        if self._preview:
            return None, {**args.inputs, **dict.fromkeys(outputs, rpc.UNKNOWN)}
        return f"{args.name}-id", {**args.inputs, **outputs}

    def call(self, args: MockCallArgs) -> tuple[Outputs, list[tuple[str, str]] | None]:
        return CALLS[args.token](args.args), []


def _account(inputs: Inputs) -> Outputs:
    email = f"{inputs['accountId']}@{inputs['project']}.iam.gserviceaccount.com"
    name = f"projects/{inputs['project']}/serviceAccounts/{email}"
    return {"email": email, "member": f"serviceAccount:{email}", "name": name}


def _function(inputs: Inputs) -> Outputs:
    location, project, name = inputs["location"], inputs["project"], inputs["name"]
    service = f"projects/{project}/locations/{location}/services/{name}"
    return {
        "url": f"https://{location}-{project}.cloudfunctions.net/{name}",
        "serviceConfig": {**inputs["serviceConfig"], "service": service, "uri": f"https://{name}-abc-uc.a.run.app"},
    }


def _instance(inputs: Inputs) -> Outputs:
    return {
        "connectionName": f"{inputs['project']}:{inputs['region']}:{inputs['name']}",
        "serviceAccountEmailAddress": "p1-abc@gcp-sa-cloud-sql.iam.gserviceaccount.com",
    }


def _redis(_inputs: Inputs) -> Outputs:
    certificates = [{"cert": "-----BEGIN CERTIFICATE-----"}]
    return {"host": "10.9.0.3", "port": 6378, "authString": REDIS_PASSWORD, "serverCaCerts": certificates}


OUTPUTS: dict[str, Callable[[Inputs], Outputs]] = {
    "gcp:serviceaccount/account:Account": _account,
    "gcp:cloudfunctionsv2/function:Function": _function,
    "gcp:sql/databaseInstance:DatabaseInstance": _instance,
    "gcp:redis/instance:Instance": _redis,
    "gcp:compute/globalAddress:GlobalAddress": lambda inputs: {"address": inputs.get("address", "203.0.113.7")},
    "gcp:secretmanager/secretVersion:SecretVersion": lambda _: {"version": "1"},
    "random:index/randomString:RandomString": lambda inputs: {"result": "i" * int(inputs["length"])},
    "random:index/randomPassword:RandomPassword": lambda inputs: {"result": "x" * int(inputs["length"])},
    "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig": lambda inputs: {"uptimeCheckId": inputs["displayName"]},
    "gcp:logging/projectSink:ProjectSink": lambda _: {
        "writerIdentity": "serviceAccount:service-1@gcp-sa-logging.iam.gserviceaccount.com"
    },
    "gcp:projects/iAMCustomRole:IAMCustomRole": lambda inputs: {
        "name": f"projects/{inputs['project']}/roles/{inputs['roleId']}"
    },
    "gcp:projects/serviceIdentity:ServiceIdentity": lambda inputs: {
        "member": f"serviceAccount:service-1@gcp-sa-{inputs['service'].partition('.')[0]}.iam.gserviceaccount.com"
    },
}
CALLS: dict[str, Callable[[Inputs], Outputs]] = {
    "gcp:serviceaccount/getAccountIdToken:getAccountIdToken": lambda args: {"idToken": f"for {args['targetAudience']}"},
    "gcp:organizations/getProject:getProject": lambda _: {"number": "123456789012"},
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": lambda args: {
        "emailAddress": f"service-{args['project']}@gs-project-accounts.iam.gserviceaccount.com"
    },
    "gcp:logging/getProjectCmekSettings:getProjectCmekSettings": lambda args: {
        "serviceAccountId": f"cmek-{args['project']}@gcp-sa-logging.iam.gserviceaccount.com"
    },
    "gcp:bigquery/getDefaultServiceAccount:getDefaultServiceAccount": lambda args: {
        "email": f"bq-{args['project']}@bigquery-encryption.iam.gserviceaccount.com"
    },
}
