"""Each rule, and a program that breaks it: a rule that cannot fail guards nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pulumi_gcp import cloudrunv2, compute, projects, pubsub, secretmanager, serviceaccount, sql, storage
from tests.infra.mutation import Mutation, Props, put
from tests.infra.policies import RULES
from tests.infra.test_alerts import WRONG
from tests.infra.test_policies import KEYS

FUNCTION = "cloudfunctionsv2/function:Function"
INSTANCE = "sql/databaseInstance:DatabaseInstance"
POLICY = "monitoring/alertPolicy:AlertPolicy"
CHANNEL = "monitoring/notificationChannel:NotificationChannel"
BUCKET = "storage/bucket:Bucket"
INVOKER = "cloudrunv2/serviceIamMember:ServiceIamMember"
OBJECT = "storage/bucketObject:BucketObject"
JOB = "cloudscheduler/job:Job"
ROLE = "projects/iAMCustomRole:IAMCustomRole"
VERSION = "secretmanager/secretVersion:SecretVersion"
SERVICE = "projects/service:Service"
BACKUPS = "settings.backup_configuration"
GUARD = "random:index/randomId:RandomId"
LOGS = "logging/projectBucketConfig:ProjectBucketConfig"
LOG_VIEW = "logging/logViewIamMember:LogViewIamMember"
FIREWALL = "compute/networkFirewallPolicyWithRules:NetworkFirewallPolicyWithRules"
DOMAIN: dict[str, object] = {"domain": "api.utxoiq.com"}
ENDLESS = '[{"name": "deployment-admin", "expires_at": null}]'
EMAILS: dict[str, object] = {"alertEmails": ["a@example.com"]}


def invoker(function: str, member: str) -> Mutation:
    def add() -> None:
        cloudrunv2.ServiceIamMember("more", name=function, role="roles/run.invoker", member=member)

    return Mutation(addition=add)


def project_role(role: str) -> Mutation:
    return Mutation(addition=lambda: _ignore(projects.IAMMember("more", project="p", role=role, member="user:a@b.c")))


def bucket_role(bucket: str, member: str) -> Mutation:
    def add() -> None:
        storage.BucketIAMMember("more", bucket=bucket, role="roles/storage.objectUser", member=member)

    return Mutation(addition=add)


def reader(secret: str) -> Mutation:
    def add() -> None:
        secretmanager.SecretIamMember(
            "more", secret_id=secret, role="roles/secretmanager.secretAccessor", member="user:a@b.c"
        )

    return Mutation(addition=add)


def without_flag(name: str) -> Mutation:
    def change(props: Props) -> None:
        settings = props["settings"]
        settings["databaseFlags"] = [flag for flag in settings["databaseFlags"] if flag["name"] != name]

    return Mutation((INSTANCE,), change)


def variable(name: str, value: str) -> Mutation:
    return Mutation((FUNCTION,), put(f"service_config.environment_variables.{name}", value), ends_with="-feedback")


def without_lifecycle(type_: str) -> Mutation:
    def change(props: Props) -> None:
        props["lifecycleRules"] = [found for found in props["lifecycleRules"] if found["action"]["type"] != type_]

    return Mutation((BUCKET,), change)


def waiting_for_nothing(*types: str) -> Mutation:
    """But for what its inputs are made from."""
    return Mutation(types, options=lambda resource: replace(resource, waits_for=resource.comes_of))


def unprotected(type_: str) -> Mutation:
    return Mutation((type_,), options=lambda resource: replace(resource, protect=False))


def _ignore(_made: Any) -> None:
    return None


def add_key() -> None:
    serviceaccount.Key("more", service_account_id="someone")


def add_password_user() -> None:
    sql.User("more", instance="utxoiq-prod", type="BUILT_IN", password="secret")


def add_owner() -> None:
    sql.User("more", instance="utxoiq-prod", type="CLOUD_IAM_SERVICE_ACCOUNT", database_roles=["cloudsqlsuperuser"])


def add_backend() -> None:
    compute.BackendService("more")


def add_topic() -> None:
    pubsub.Topic("more")


def allow(addresses: str) -> Callable[[Props], None]:
    """One more rule that lets out, before all others."""

    def change(props: Props) -> None:
        first = props["rules"][0]
        props["rules"].insert(0, {**first, "match": {**first["match"], "destIpRanges": [addresses]}})

    return change


def let_out() -> None:
    allows = [compute.FirewallAllowArgs(protocol="all")]
    compute.Firewall("more", network="n", direction="EGRESS", destination_ranges=["0.0.0.0/0"], allows=allows)


def share_cache_key(props: Props) -> None:
    for mount in props["serviceConfig"]["secretEnvironmentVariables"]:
        if mount["key"] == "CACHE_KEY":
            mount["secret"] = "utxoiq-prod-metrics-cache-key"


def take_cache_key_for_common(props: Props) -> None:
    mounts = {mount["key"]: mount for mount in props["serviceConfig"]["secretEnvironmentVariables"]}
    mounts["COMMON_KEY"]["secret"] = mounts["CACHE_KEY"]["secret"]


RETENTION_ACCOUNT = "serviceAccount:utxoiq-prod-retention@utxoiq-prod.iam.gserviceaccount.com"
RETENTION: dict[str, object] = {"archiveRetentionDays": 100}
BROKEN: list[tuple[str, Mutation, Mapping[str, object]]] = [
    ("only_the_endpoints_are_open_to_everybody", invoker("utxoiq-prod-migrate", "allUsers"), {}),
    ("only_the_endpoints_are_open_to_everybody", invoker("other", "allAuthenticatedUsers"), {}),
    (
        "functions_leave_the_check_of_tokens_to_the_platform_only_where_it_checks",
        invoker("utxoiq-prod-backup", "allUsers"),
        {},
    ),
    (
        "functions_leave_the_check_of_tokens_to_the_platform_only_where_it_checks",
        variable("CALLERS_CHECKED_BY_PLATFORM", "true"),
        {},
    ),
    (
        "maintenance_is_called_by_the_scheduler_operators_and_uptime_checks",
        invoker("utxoiq-prod-retention", "user:a@b.c"),
        {},
    ),
    ("the_deployer_alone_may_migrate", invoker("utxoiq-prod-migrate", "user:a@b.c"), {}),
    ("no_role_of_the_project_is_wider_than_its_condition", project_role("roles/storage.admin"), {}),
    (
        "no_role_of_the_project_is_wider_than_its_condition",
        Mutation((ROLE,), put("permissions", ["cloudsql.instances.delete"]), ends_with="-lister"),
        {},
    ),
    (
        "the_console_reads_starts_schedules_and_silences_policies_and_nothing_else",
        Mutation(("projects/iAMMember:IAMMember",), put("role", "roles/monitoring.viewer"), ends_with="-console"),
        {},
    ),
    (
        "the_console_reads_starts_schedules_and_silences_policies_and_nothing_else",
        Mutation((ROLE,), put("permissions", ["cloudscheduler.jobs.delete"]), ends_with="-console"),
        {},
    ),
    (
        "operators_alone_may_open_the_console",
        Mutation((INVOKER,), put("member", "user:stranger@example.com"), ends_with="-console-a@example.com"),
        {"operators": ["a@example.com"]},
    ),
    (
        "retention_alone_writes_the_archive_and_feedback_reads_archived_feedback",
        bucket_role("utxoiq-prod-utxoiq-prod-archive", "user:a@b.c"),
        {},
    ),
    (
        "retention_alone_writes_the_archive_and_feedback_reads_archived_feedback",
        bucket_role(
            "utxoiq-prod-utxoiq-prod-backups",
            RETENTION_ACCOUNT,
        ),
        {},
    ),
    (
        "nobody_who_serves_may_destroy_backups_or_objects",
        Mutation((ROLE,), put("permissions", ["cloudsql.backupRuns.delete"]), ends_with="-maker"),
        {},
    ),
    (
        "nobody_who_serves_may_destroy_backups_or_objects",
        bucket_role("utxoiq-prod-utxoiq-prod-archive", RETENTION_ACCOUNT),
        {},
    ),
    (
        "nobody_who_serves_may_destroy_backups_or_objects",
        bucket_role(
            "utxoiq-prod-utxoiq-prod-backups", "serviceAccount:p1-abc@gcp-sa-cloud-sql.iam.gserviceaccount.com"
        ),
        {},
    ),
    (
        "nobody_who_serves_may_destroy_backups_or_objects",
        invoker("utxoiq-prod-keeper", "user:operator@example.com"),
        {},
    ),
    (
        "nobody_who_serves_may_destroy_backups_or_objects",
        Mutation((FUNCTION,), put("service_config.ingress_settings", "ALLOW_ALL"), ends_with="-keeper"),
        {},
    ),
    (
        "nobody_connects_to_the_database_past_iam",
        Mutation((INSTANCE,), put("settings.connector_enforcement", "NOT_REQUIRED")),
        {},
    ),
    ("the_database_logs_who_comes_and_what_is_defined", without_flag("log_connections"), {}),
    ("the_database_logs_who_comes_and_what_is_defined", without_flag("log_statement"), {}),
    (
        "traffic_and_names_are_logged_where_that_is_configured",
        Mutation(("compute/subnetwork:Subnetwork",), put("log_config", None)),
        {},
    ),
    (
        "traffic_and_names_are_logged_where_that_is_configured",
        Mutation(("dns/policy:Policy",), put("enable_logging", False)),
        {},
    ),
    (
        "images_are_scanned_where_that_is_configured",
        Mutation(
            ("projects/service:Service",),
            put("service", "containeranalysis.googleapis.com"),
            ends_with="-containerscanning",
        ),
        {},
    ),
    (
        "the_log_bucket_is_locked_where_that_is_configured",
        Mutation(("logging/projectBucketConfig:ProjectBucketConfig",), put("locked", None)),
        {"logsLocked": True},
    ),
    ("the_second_copy_is_locked", Mutation((BUCKET,), put("retention_policy", None), ends_with="-backups"), {}),
    (
        "the_second_copy_is_locked",
        Mutation((BUCKET,), put("project", "utxoiq-prod"), ends_with="-backups"),
        {"exportProject": "utxoiq-vault"},
    ),
    *(
        (
            "the_database_creates_exports_in_their_hours_and_nothing_else",
            Mutation(("storage/bucketIAMMember:BucketIAMMember",), put(path, value), ends_with="-exporter"),
            {},
        )
        for path, value in (
            ("role", "roles/storage.objectAdmin"),
            ("condition.expression", 'request.time.getHours("UTC") >= 22'),
            ("condition", None),
        )
    ),
    (
        "cloud_armor_looks_into_json_and_learns",
        Mutation(("compute/securityPolicy:SecurityPolicy",), put("advanced_options_config", None)),
        DOMAIN,
    ),
    (
        "cloud_armor_looks_into_json_and_learns",
        Mutation(("compute/securityPolicy:SecurityPolicy",), put("adaptive_protection_config", None)),
        DOMAIN,
    ),
    (
        "google_takes_the_policies_on_logs",
        Mutation((POLICY,), put("alert_strategy.notification_rate_limit", None), ends_with="-rights-changed"),
        {},
    ),
    (
        "changes_set_off_alerts",
        Mutation((POLICY,), lambda props: props["userLabels"].update(alert="x"), ends_with="-rights-changed"),
        {},
    ),
    (
        "the_log_bucket_is_locked_where_that_is_configured",
        Mutation(("logging/projectBucketConfig:ProjectBucketConfig",), put("project", "utxoiq-prod")),
        {"logsProject": "utxoiq-vault"},
    ),
    (
        "keys_of_the_deployment_expire_where_that_is_configured",
        Mutation((VERSION,), put("secret_data", ENDLESS), ends_with="-deployment-keys"),
        {},
    ),
    *(
        ("what_can_take_a_key_has_it", Mutation((type_,), put(path, None)), KEYS)
        for type_, path in (
            (INSTANCE, "encryption_key_name"),
            ("redis/instance:Instance", "customer_managed_key"),
            (FUNCTION, "kms_key_name"),
            (BUCKET, "encryption"),
            (LOGS, "cmek_settings"),
            ("bigquery/dataset:Dataset", "default_encryption_configuration"),
            ("secretmanager/secret:Secret", "replication"),
        )
    ),
    ("what_can_take_a_key_has_it", waiting_for_nothing(BUCKET), KEYS),
    ("no_type_with_a_field_for_a_key_is_left_out", Mutation(addition=add_topic), {}),
    (
        "google_agents_alone_may_use_the_keys",
        Mutation(("kms/cryptoKeyIAMMember:CryptoKeyIAMMember",), put("member", RETENTION_ACCOUNT)),
        KEYS,
    ),
    (
        "functions_reach_what_is_listed_where_that_is_configured",
        Mutation((FUNCTION,), put("service_config.direct_vpc_egress", "VPC_EGRESS_PRIVATE_RANGES_ONLY")),
        {},
    ),
    (
        "functions_reach_what_is_listed_where_that_is_configured",
        Mutation((FIREWALL,), allow("198.51.100.0/24")),
        {},
    ),
    (
        "functions_reach_what_is_listed_where_that_is_configured",
        Mutation((FIREWALL,), lambda props: props["rules"].pop(1)),
        {},
    ),
    ("functions_reach_what_is_listed_where_that_is_configured", waiting_for_nothing(FUNCTION), {}),
    (
        "functions_reach_what_is_listed_where_that_is_configured",
        Mutation(("compute/network:Network",), put("network_firewall_policy_enforcement_order", None)),
        {},
    ),
    (
        "functions_reach_what_is_listed_where_that_is_configured",
        Mutation(
            addition=lambda: _ignore(compute.RouterNat("more", router="r", source_subnetwork_ip_ranges_to_nat="x"))
        ),
        {},
    ),
    (
        "names_of_google_lead_to_addresses_that_are_listed",
        Mutation(("dns/recordSet:RecordSet",), put("rrdatas", ["203.0.113.1"] * 4), ends_with="-addresses"),
        {},
    ),
    (
        "names_of_google_lead_to_addresses_that_are_listed",
        Mutation(("dns/managedZone:ManagedZone",), put("visibility", "public")),
        {},
    ),
    *(
        ("what_leaves_through_the_network_is_listed", mutation, {})
        for mutation in (
            Mutation((FIREWALL,), lambda props: props["rules"].pop()),
            Mutation((FIREWALL,), lambda props: props["rules"][-1].update(action="allow")),
            Mutation((FIREWALL,), allow("0.0.0.0/0")),
            Mutation(addition=let_out),
            Mutation(
                ("compute/networkFirewallPolicyAssociation:NetworkFirewallPolicyAssociation",),
                put("firewall_policy", "another"),
            ),
        )
    ),
    (
        "the_console_reads_log_lines_of_this_stack_only",
        Mutation(("logging/projectSink:ProjectSink",), put("filter", 'severity>="INFO"'), ends_with="-console-logs"),
        {},
    ),
    (
        "the_console_reads_log_lines_of_this_stack_only",
        Mutation((LOG_VIEW,), put("bucket", "_Default")),
        {},
    ),
    (
        "cloud_armor_refuses_attacks_but_in_free_text",
        Mutation(("compute/securityPolicy:SecurityPolicy",), lambda props: props["rules"][0].update(preview=True)),
        DOMAIN,
    ),
    ("no_account_has_keys", Mutation(addition=add_key), {}),
    (
        "every_function_has_an_account_of_its_own",
        Mutation((FUNCTION,), put("service_config.service_account_email", "shared@p.iam.gserviceaccount.com")),
        {},
    ),
    ("secrets_are_readable_by_who_mounts_them", reader("utxoiq-prod-deployment-keys"), {}),
    (
        "secrets_are_readable_by_who_mounts_them",
        Mutation(("secretmanager/secretIamMember:SecretIamMember",), put("member", "user:a@b.c")),
        {},
    ),
    (
        "every_function_knows_its_cache_entries_by_a_key_of_its_own",
        Mutation((FUNCTION,), share_cache_key, ends_with="-feedback"),
        {},
    ),
    (
        "every_function_knows_its_cache_entries_by_a_key_of_its_own",
        Mutation((FUNCTION,), take_cache_key_for_common, ends_with="-feedback"),
        {},
    ),
    ("nothing_secret_is_in_the_clear", variable("REDIS_AUTH", "redis-password"), {}),
    ("nothing_secret_is_in_the_clear", Mutation((VERSION,), put("secret_data", "redis-password")), {}),
    (
        "the_database_is_private_and_takes_tls_only",
        Mutation((INSTANCE,), put("settings.ip_configuration.ipv4_enabled", True)),
        {},
    ),
    (
        "the_database_is_private_and_takes_tls_only",
        Mutation((INSTANCE,), put("settings.ip_configuration.ssl_mode", "ALLOW_UNENCRYPTED_AND_ENCRYPTED")),
        {},
    ),
    (
        "the_database_is_private_and_takes_tls_only",
        Mutation((INSTANCE,), put("settings.ip_configuration.private_network", None)),
        {},
    ),
    ("database_users_have_no_passwords", Mutation(addition=add_password_user), {}),
    ("database_users_have_no_passwords", without_flag("cloudsql.iam_authentication"), {}),
    ("the_schema_has_one_owner", Mutation(addition=add_owner), {}),
    ("statements_are_audited_without_their_parameters", without_flag("cloudsql.enable_pgaudit"), {}),
    ("statements_are_audited_without_their_parameters", without_flag("log_error_verbosity"), {}),
    (
        "statements_are_audited_without_their_parameters",
        Mutation((INSTANCE,), put("settings.insights_config.query_insights_enabled", False)),
        {},
    ),
    (
        "the_cache_asks_for_a_password_and_is_private",
        Mutation(("redis/instance:Instance",), put("auth_enabled", False)),
        {},
    ),
    (
        "the_cache_takes_tls_only",
        Mutation(("redis/instance:Instance",), put("transit_encryption_mode", "DISABLED")),
        {},
    ),
    ("buckets_cannot_be_made_public", Mutation((BUCKET,), put("public_access_prevention", "inherited")), {}),
    ("buckets_cannot_be_made_public", Mutation((BUCKET,), put("uniform_bucket_level_access", False)), {}),
    (
        "functions_reach_private_addresses_through_the_network",
        Mutation((FUNCTION,), put("service_config.direct_vpc_network_interfaces", None), ends_with="-metrics"),
        {},
    ),
    (
        "no_function_is_reachable_behind_the_balancers_back",
        Mutation((FUNCTION,), put("service_config.ingress_settings", "ALLOW_ALL"), ends_with="-metrics"),
        DOMAIN,
    ),
    ("the_balancer_is_armored_and_takes_modern_tls_only", Mutation(addition=add_backend), {}),
    (
        "the_balancer_is_armored_and_takes_modern_tls_only",
        Mutation(("compute/sSLPolicy:SSLPolicy",), put("min_tls_version", "TLS_1_0")),
        DOMAIN,
    ),
    (
        "the_balancer_is_armored_and_takes_modern_tls_only",
        Mutation(("compute/targetHttpsProxy:TargetHttpsProxy",), put("ssl_policy", None)),
        DOMAIN,
    ),
    (
        "the_balancer_redirects_from_http",
        Mutation(("compute/uRLMap:URLMap",), put("default_url_redirect", None), ends_with="-redirect"),
        DOMAIN,
    ),
    (
        "schedules_call_as_the_scheduler_for_that_function_only",
        Mutation((JOB,), put("http_target.oidc_token.audience", "https://elsewhere.example")),
        {},
    ),
    (
        "schedules_call_as_the_scheduler_for_that_function_only",
        Mutation((JOB,), put("http_target.oidc_token.service_account_email", "other@p.iam.gserviceaccount.com")),
        {},
    ),
    (
        "schedules_call_as_the_scheduler_for_that_function_only",
        invoker("utxoiq-prod-keys", "serviceAccount:utxoiq-prod-scheduler@utxoiq-prod.iam.gserviceaccount.com"),
        {},
    ),
    (
        "access_to_data_is_logged",
        Mutation(("projects/iAMAuditConfig:IAMAuditConfig",), put("service", "compute.googleapis.com")),
        {},
    ),
    ("what_holds_data_is_protected", unprotected(BUCKET), {}),
    ("destroying_stops_before_anything_is_deleted", unprotected(GUARD), {}),
    ("what_holds_data_is_protected", Mutation((INSTANCE,), put("deletion_protection", False)), {}),
    ("what_holds_data_is_protected", Mutation((INSTANCE,), put("settings.deletion_protection_enabled", False)), {}),
    ("what_holds_data_is_protected", Mutation((BUCKET,), put("force_destroy", True)), {}),
    (
        "the_database_is_backed_up_every_night",
        Mutation((INSTANCE,), put(f"{BACKUPS}.enabled", False)),
        {},
    ),
    (
        "the_database_is_backed_up_in_another_region",
        Mutation((INSTANCE,), put(f"{BACKUPS}.enabled", False)),
        {},
    ),
    (
        "the_database_is_backed_up_in_another_region",
        Mutation((INSTANCE,), put(f"{BACKUPS}.location", "us-central1")),
        {},
    ),
    (
        "the_database_is_backed_up_every_night",
        Mutation((INSTANCE,), put(f"{BACKUPS}.backup_retention_settings.retained_backups", 3)),
        {},
    ),
    (
        "the_database_is_backed_up_in_another_region",
        Mutation((INSTANCE,), put("settings.retain_backups_on_delete", False)),
        {},
    ),
    (
        "any_second_of_the_last_days_can_be_recovered",
        Mutation((INSTANCE,), put(f"{BACKUPS}.point_in_time_recovery_enabled", False)),
        {},
    ),
    (
        "any_second_of_the_last_days_can_be_recovered",
        Mutation((INSTANCE,), put(f"{BACKUPS}.transaction_log_retention_days", 2)),
        {},
    ),
    (
        "maintenance_comes_after_the_verification_on_sundays",
        Mutation((INSTANCE,), put("settings.maintenance_window.hour", 3)),
        {},
    ),
    ("buckets_are_away_from_the_database", Mutation((BUCKET,), put("location", "US-CENTRAL1")), {}),
    ("what_is_deleted_from_a_bucket_can_be_restored", Mutation((BUCKET,), put("versioning.enabled", False)), {}),
    (
        "what_is_deleted_from_a_bucket_can_be_restored",
        Mutation((BUCKET,), put("soft_delete_policy.retention_duration_seconds", 0)),
        {},
    ),
    ("what_is_deleted_from_a_bucket_can_be_restored", Mutation((BUCKET,), put("versioning.enabled", True)), RETENTION),
    ("metrics_leave_the_archive_at_their_age_and_nothing_else_early", without_lifecycle("Delete"), {}),
    (
        "temporary_instances_are_all_that_backups_may_replace",
        Mutation(
            ("projects/iAMMember:IAMMember",),
            put("condition.expression", 'resource.name.startsWith("projects/utxoiq-prod/instances/utxoiq-prod")'),
            ends_with="-verifier",
        ),
        {},
    ),
    (
        "temporary_instances_are_all_that_backups_may_replace",
        Mutation((ROLE,), put("permissions", ["cloudsql.instances.delete"]), ends_with="-maker"),
        {},
    ),
    (
        "nothing_is_deleted_while_it_must_be_kept",
        Mutation((BUCKET,), put("retention_policy.retention_period", "864000000"), ends_with="-archive"),
        RETENTION,
    ),
    (
        "audit_logs_are_kept",
        Mutation(("logging/projectBucketConfig:ProjectBucketConfig",), put("retention_days", 30)),
        {},
    ),
    ("audit_logs_are_kept", Mutation(("logging/projectSink:ProjectSink",), put("filter", "severity>=ERROR")), {}),
    ("apis_are_enabled_first", waiting_for_nothing("serviceaccount/account:Account"), {}),
    ("apis_are_enabled_first", Mutation((SERVICE,), put("service", "another.googleapis.com"), ends_with="-redis"), {}),
    ("the_schema_is_there_before_its_traffic", waiting_for_nothing(FUNCTION, OBJECT), {}),
    ("the_migrations_wait_for_all_that_they_need", waiting_for_nothing(FUNCTION, OBJECT, INVOKER), {}),
    ("functions_have_their_rights_before_they_start", waiting_for_nothing(FUNCTION), {}),
    ("databases_wait_for_the_peering", waiting_for_nothing(INSTANCE), {}),
    ("whatever_takes_labels_has_them", Mutation((BUCKET,), put("labels", {"app": "x"})), {}),
    ("whatever_takes_labels_has_them", Mutation((INSTANCE,), put("settings.user_labels", None)), {}),
    ("no_function_scales_without_bound", Mutation((FUNCTION,), put("service_config.max_instance_count", None)), {}),
    (
        "functions_at_full_scale_leave_connections_free",
        Mutation((FUNCTION,), put("service_config.max_instance_count", 20)),
        {},
    ),
    (
        "the_disk_grows_by_itself_and_never_by_plan",
        Mutation((INSTANCE,), put("settings.disk_autoresize", False)),
        {},
    ),
    ("old_versions_and_images_go", without_lifecycle("Delete"), {}),
    ("unfinished_uploads_go", without_lifecycle("AbortIncompleteMultipartUpload"), {}),
    (
        "old_versions_and_images_go",
        Mutation(("artifactregistry/repository:Repository",), put("cleanup_policies", [])),
        {},
    ),
    (
        "a_query_of_all_metrics_names_its_days",
        Mutation(
            ("bigquery/table:Table",),
            put("external_data_configuration.hive_partitioning_options.require_partition_filter", False),
            ends_with="-objects",
        ),
        {},
    ),
    ("schedules_retry_and_end", Mutation((JOB,), put("retry_config.retry_count", 0)), {}),
    ("schedules_retry_and_end", Mutation((JOB,), put("time_zone", "America/New_York")), {}),
    ("the_promise_is_kept_by_two_windows_each", Mutation(("monitoring/slo:Slo",), put("goal", 0.99)), {}),
    (
        "connections_alert_before_the_database_refuses_any",
        Mutation((INSTANCE,), put("settings.database_flags", [{"name": "max_connections", "value": "350"}])),
        {},
    ),
    (
        "a_backup_that_failed_or_is_missing_is_known_within_five_minutes",
        Mutation((JOB,), put("schedule", "*/10 * * * *"), ends_with="-watch-backups"),
        {},
    ),
    (
        "every_alert_says_what_to_do",
        Mutation((POLICY,), put("documentation.links", None), ends_with="-uptime"),
        {"runbookUrl": "https://example.com/alerts"},
    ),
    (
        "every_alert_reaches_somebody_where_that_is_configured",
        Mutation((POLICY,), put("notification_channels", []), ends_with="-uptime"),
        EMAILS,
    ),
    ("secrets_of_channels_are_marked_so", Mutation((CHANNEL,), put("sensitive_labels", {"service_key": "x"})), EMAILS),
    (
        "every_open_function_is_checked_from_outside",
        Mutation(("monitoring/uptimeCheckConfig:UptimeCheckConfig",), put("http_check.path", "/")),
        {},
    ),
    (
        "every_open_function_is_checked_from_outside",
        Mutation(
            ("monitoring/uptimeCheckConfig:UptimeCheckConfig",),
            put("http_check.service_agent_authentication", None),
            ends_with="-backup",
        ),
        {},
    ),
    ("who_publishes_may_and_nobody_else", project_role("roles/monitoring.metricWriter"), {}),
    (
        "no_role_of_the_project_is_wider_than_its_condition",
        Mutation((ROLE,), put("permissions", ["monitoring.metricDescriptors.create"]), ends_with="-publisher"),
        {},
    ),
    (
        "who_is_to_trace_may",
        Mutation(("projects/iAMMember:IAMMember",), put("member", "user:a@b.c"), ends_with="-metrics-traces"),
        {"traceSampling": "0.1"},
    ),
]


@pytest.mark.parametrize(
    ("rule", "mutation", "changes"), BROKEN, ids=[f"{i}-{rule}" for i, (rule, _, _) in enumerate(BROKEN)]
)
def test_a_program_that_breaks_the_rule_is_found_out(
    rule: str, mutation: Mutation, changes: Mapping[str, object]
) -> None:
    assert list(RULES[rule](mutation.deploy("prod", changes))) != []


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule for rule, _, _ in BROKEN} | set(WRONG) == set(RULES)
