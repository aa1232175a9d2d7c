"""Contains all the data models used in inputs/outputs"""

from .aggregate import Aggregate
from .aggregate_comparison import AggregateComparison
from .aggregate_figures import AggregateFigures
from .aggregate_interval import AggregateInterval
from .aggregate_metrics_compare import AggregateMetricsCompare
from .aggregate_metrics_interval import AggregateMetricsInterval
from .api_key import ApiKey
from .api_key_scopes_item import ApiKeyScopesItem
from .api_key_status import ApiKeyStatus
from .archive_question import ArchiveQuestion
from .archive_question_table import ArchiveQuestionTable
from .archive_shown import ArchiveShown
from .archive_shown_status import ArchiveShownStatus
from .archived_day_shown import ArchivedDayShown
from .archived_day_shown_state import ArchivedDayShownState
from .archived_day_shown_table import ArchivedDayShownTable
from .audit_entry import AuditEntry
from .audit_entry_details_type_0 import AuditEntryDetailsType0
from .average_change import AverageChange
from .backup_shown import BackupShown
from .backup_shown_status import BackupShownStatus
from .backup_status import BackupStatus
from .backup_status_status import BackupStatusStatus
from .bucket import Bucket
from .cache_answer import CacheAnswer
from .cache_answer_status import CacheAnswerStatus
from .cache_counts import CacheCounts
from .check_shown import CheckShown
from .clear_feedback_part import ClearFeedbackPart
from .comment import Comment
from .comment_page import CommentPage
from .comment_shown import CommentShown
from .connections import Connections
from .done import Done
from .done_status import DoneStatus
from .erased_in_archive import ErasedInArchive
from .erased_in_database import ErasedInDatabase
from .erasure import Erasure
from .feedback_row import FeedbackRow
from .feedback_row_flag_type_type_0 import FeedbackRowFlagTypeType0
from .field_error import FieldError
from .flag import Flag
from .flag_counts import FlagCounts
from .flag_flag_type import FlagFlagType
from .fleet_cache import FleetCache
from .fleet_cache_by_instance import FleetCacheByInstance
from .fleet_cache_functions import FleetCacheFunctions
from .fleet_cache_groups import FleetCacheGroups
from .fleet_pool import FleetPool
from .fleet_pool_by_instance import FleetPoolByInstance
from .fleet_pool_functions import FleetPoolFunctions
from .fleet_queries import FleetQueries
from .fleet_queries_by_instance import FleetQueriesByInstance
from .fleet_queries_functions import FleetQueriesFunctions
from .fleet_queries_statements import FleetQueriesStatements
from .fleet_requests import FleetRequests
from .fleet_requests_by_instance import FleetRequestsByInstance
from .fleet_requests_functions import FleetRequestsFunctions
from .fleet_requests_routes import FleetRequestsRoutes
from .fleet_requests_statuses import FleetRequestsStatuses
from .get_document_response_200 import GetDocumentResponse200
from .health import Health
from .health_parts import HealthParts
from .health_parts_additional_property import HealthPartsAdditionalProperty
from .health_status import HealthStatus
from .issued_api_key import IssuedApiKey
from .issued_api_key_scopes_item import IssuedApiKeyScopesItem
from .issued_api_key_status import IssuedApiKeyStatus
from .job import Job
from .job_progress import JobProgress
from .job_progress_status_type_0 import JobProgressStatusType0
from .job_status import JobStatus
from .key_rotation import KeyRotation
from .list_api_keys_status import ListApiKeysStatus
from .list_archive_days_table import ListArchiveDaysTable
from .list_backfill_jobs_status import ListBackfillJobsStatus
from .lookups import Lookups
from .metric import Metric
from .metric_metric_metadata_type_0 import MetricMetricMetadataType0
from .migrated import Migrated
from .migrated_status import MigratedStatus
from .months_shown import MonthsShown
from .months_shown_status import MonthsShownStatus
from .new_api_key import NewApiKey
from .new_api_key_scopes_item import NewApiKeyScopesItem
from .new_job import NewJob
from .new_metric import NewMetric
from .new_metric_metric_metadata_type_0 import NewMetricMetricMetadataType0
from .person_audit_entry import PersonAuditEntry
from .person_shown import PersonShown
from .persons_named import PersonsNamed
from .pool import Pool
from .pool_answer import PoolAnswer
from .pool_answer_status import PoolAnswerStatus
from .problem_details import ProblemDetails
from .problem_details_parts import ProblemDetailsParts
from .queries import Queries
from .queries_answer import QueriesAnswer
from .queries_answer_status import QueriesAnswerStatus
from .query_answer_shown import QueryAnswerShown
from .query_answer_shown_status import QueryAnswerShownStatus
from .rating import Rating
from .rating_distribution import RatingDistribution
from .requests import Requests
from .requests_answer import RequestsAnswer
from .requests_answer_status import RequestsAnswerStatus
from .requests_statuses import RequestsStatuses
from .restore_order import RestoreOrder
from .restore_order_table import RestoreOrderTable
from .restored_shown import RestoredShown
from .restored_shown_status import RestoredShownStatus
from .results_shown import ResultsShown
from .run_shown import RunShown
from .run_shown_status import RunShownStatus
from .server_activity import ServerActivity
from .server_activity_connections import ServerActivityConnections
from .server_statement import ServerStatement
from .stats import Stats
from .tally_shown import TallyShown
from .times import Times
from .user_export import UserExport
from .user_feedback_page import UserFeedbackPage
from .verification_shown import VerificationShown
from .verification_shown_status import VerificationShownStatus
from .verification_shown_step import VerificationShownStep

__all__ = (
    "Aggregate",
    "AggregateComparison",
    "AggregateFigures",
    "AggregateInterval",
    "AggregateMetricsCompare",
    "AggregateMetricsInterval",
    "ApiKey",
    "ApiKeyScopesItem",
    "ApiKeyStatus",
    "ArchiveQuestion",
    "ArchiveQuestionTable",
    "ArchiveShown",
    "ArchiveShownStatus",
    "ArchivedDayShown",
    "ArchivedDayShownState",
    "ArchivedDayShownTable",
    "AuditEntry",
    "AuditEntryDetailsType0",
    "AverageChange",
    "BackupShown",
    "BackupShownStatus",
    "BackupStatus",
    "BackupStatusStatus",
    "Bucket",
    "CacheAnswer",
    "CacheAnswerStatus",
    "CacheCounts",
    "CheckShown",
    "ClearFeedbackPart",
    "Comment",
    "CommentPage",
    "CommentShown",
    "Connections",
    "Done",
    "DoneStatus",
    "ErasedInArchive",
    "ErasedInDatabase",
    "Erasure",
    "FeedbackRow",
    "FeedbackRowFlagTypeType0",
    "FieldError",
    "Flag",
    "FlagCounts",
    "FlagFlagType",
    "FleetCache",
    "FleetCacheByInstance",
    "FleetCacheFunctions",
    "FleetCacheGroups",
    "FleetPool",
    "FleetPoolByInstance",
    "FleetPoolFunctions",
    "FleetQueries",
    "FleetQueriesByInstance",
    "FleetQueriesFunctions",
    "FleetQueriesStatements",
    "FleetRequests",
    "FleetRequestsByInstance",
    "FleetRequestsFunctions",
    "FleetRequestsRoutes",
    "FleetRequestsStatuses",
    "GetDocumentResponse200",
    "Health",
    "HealthParts",
    "HealthPartsAdditionalProperty",
    "HealthStatus",
    "IssuedApiKey",
    "IssuedApiKeyScopesItem",
    "IssuedApiKeyStatus",
    "Job",
    "JobProgress",
    "JobProgressStatusType0",
    "JobStatus",
    "KeyRotation",
    "ListApiKeysStatus",
    "ListArchiveDaysTable",
    "ListBackfillJobsStatus",
    "Lookups",
    "Metric",
    "MetricMetricMetadataType0",
    "Migrated",
    "MigratedStatus",
    "MonthsShown",
    "MonthsShownStatus",
    "NewApiKey",
    "NewApiKeyScopesItem",
    "NewJob",
    "NewMetric",
    "NewMetricMetricMetadataType0",
    "PersonAuditEntry",
    "PersonShown",
    "PersonsNamed",
    "Pool",
    "PoolAnswer",
    "PoolAnswerStatus",
    "ProblemDetails",
    "ProblemDetailsParts",
    "Queries",
    "QueriesAnswer",
    "QueriesAnswerStatus",
    "QueryAnswerShown",
    "QueryAnswerShownStatus",
    "Rating",
    "RatingDistribution",
    "Requests",
    "RequestsAnswer",
    "RequestsAnswerStatus",
    "RequestsStatuses",
    "RestoreOrder",
    "RestoreOrderTable",
    "RestoredShown",
    "RestoredShownStatus",
    "ResultsShown",
    "RunShown",
    "RunShownStatus",
    "ServerActivity",
    "ServerActivityConnections",
    "ServerStatement",
    "Stats",
    "TallyShown",
    "Times",
    "UserExport",
    "UserFeedbackPage",
    "VerificationShown",
    "VerificationShownStatus",
    "VerificationShownStep",
)
