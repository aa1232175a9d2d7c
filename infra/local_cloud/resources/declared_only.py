"""Resources that mean nothing on one machine: recorded, counted, and answered with the names that Google would give."""

from collections import defaultdict

from local_cloud.pulumi.declaration import CreatedResource, Declaration
from local_cloud.resources.cloud import LocalCloud
from local_cloud.resources.registry import Handler, handles

# The type, and the id of one of it.
TYPES = {
    "gcp:projects/service:Service": "{project}/{service}",
    "gcp:compute/network:Network": "projects/{project}/global/networks/{name}",
    "gcp:compute/subnetwork:Subnetwork": "projects/{project}/regions/{region}/subnetworks/{name}",
    "gcp:compute/globalAddress:GlobalAddress": "projects/{project}/global/addresses/{name}",
    "gcp:compute/networkFirewallPolicyWithRules:NetworkFirewallPolicyWithRules": (
        "projects/{project}/global/firewallPolicies/{name}"
    ),
    "gcp:compute/networkFirewallPolicyAssociation:NetworkFirewallPolicyAssociation": (
        "projects/{project}/global/firewallPolicies/{firewallPolicy}/associations/{name}"
    ),
    "gcp:compute/router:Router": "projects/{project}/regions/{region}/routers/{name}",
    "gcp:compute/routerNat:RouterNat": "{project}/{region}/{router}/{name}",
    "gcp:dns/policy:Policy": "projects/{project}/policies/{name}",
    "gcp:dns/managedZone:ManagedZone": "projects/{project}/managedZones/{name}",
    "gcp:dns/recordSet:RecordSet": "projects/{project}/managedZones/{managedZone}/rrsets/{name}/{type}",
    "gcp:servicenetworking/connection:Connection": "{network}:{service}",
    "gcp:artifactregistry/repository:Repository": "projects/{project}/locations/{location}/repositories/{repositoryId}",
    "gcp:projects/iAMAuditConfig:IAMAuditConfig": "{project}/audit_config/{service}",
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": "projects/{project}/locations/{location}/buckets/{bucketId}",
    "gcp:bigquery/dataset:Dataset": "projects/{project}/datasets/{datasetId}",
    "gcp:bigquery/table:Table": "projects/{project}/datasets/{datasetId}/tables/{tableId}",
    "gcp:billing/budget:Budget": "billingAccounts/{billingAccount}/budgets/{name}",
    "gcp:pubsub/topicIAMMember:TopicIAMMember": "{topic}/{role}/{member}",
    "gcp:compute/securityPolicy:SecurityPolicy": "projects/{project}/global/securityPolicies/{name}",
    "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup": (
        "projects/{project}/regions/{region}/networkEndpointGroups/{name}"
    ),
    "gcp:compute/backendService:BackendService": "projects/{project}/global/backendServices/{name}",
    "gcp:compute/uRLMap:URLMap": "projects/{project}/global/urlMaps/{name}",
    "gcp:compute/targetHttpsProxy:TargetHttpsProxy": "projects/{project}/global/targetHttpsProxies/{name}",
    "gcp:compute/targetHttpProxy:TargetHttpProxy": "projects/{project}/global/targetHttpProxies/{name}",
    "gcp:compute/globalForwardingRule:GlobalForwardingRule": "projects/{project}/global/forwardingRules/{name}",
    "gcp:compute/managedSslCertificate:ManagedSslCertificate": "projects/{project}/global/sslCertificates/{name}",
    "gcp:projects/serviceIdentity:ServiceIdentity": "projects/{project}/services/{service}",
    "gcp:compute/sSLPolicy:SSLPolicy": "projects/{project}/global/sslPolicies/{name}",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": "{cryptoKeyId}/{role}/{member}",
}
SELF_LINK = "https://www.googleapis.com/compute/v1/"


def _make_recorder(template: str) -> Handler:
    async def record(cloud: LocalCloud, declaration: Declaration) -> CreatedResource:
        cloud.note(declaration.token, declaration.resource_name)
        names = {"project": cloud.project, **declaration.inputs, "name": declaration.resource_name}
        path = template.format_map(defaultdict(str, names))
        outputs = {"name": declaration.resource_name}
        if declaration.token.startswith("gcp:compute/"):
            outputs["selfLink"] = SELF_LINK + path
        return CreatedResource(id=path, outputs=outputs)

    return record


for _token, _template in TYPES.items():
    handles(_token)(_make_recorder(_template))
