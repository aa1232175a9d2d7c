"""The functions and schedules of the system. What a stack may choose is in settings.py."""

from dataclasses import dataclass

READER_SCOPES = ("backfill:read", "feedback:read", "metrics:read")
WRITER_SCOPES = ("backfill:write", "feedback:write", "metrics:write")
SCOPES = READER_SCOPES + WRITER_SCOPES
ADMIN_SCOPE = "admin"


@dataclass(frozen=True)
class Sizing:
    """What one function may use; a stack's `functions` key overrides all but apart.

    pool_size and pool_overflow are database connections an instance; apart are those that a function opens
    besides, whatever its scale.
    """

    memory_mib: int = 512
    cpu: str = "1"
    concurrency: int = 80
    min_instances: int = 0
    max_instances: int = 2
    timeout_seconds: int = 60
    ingress: str = "auto"
    pool_size: int = 10
    pool_overflow: int = 20
    apart: int = 0

    @property
    def connections(self) -> int:
        """Return how many database connections the function opens at full scale."""
        return self.max_instances * (self.pool_size + self.pool_overflow) + self.apart


@dataclass(frozen=True)
class FunctionSpec:
    """name: of its folder and its entry point. prefix: of the paths that it answers under the one base URL.

    public: whether it is part of the API. open: whether the platform lets everybody call it, and the function tells
    callers apart; otherwise the platform lets in whom it is granted to. more_paths: that it answers besides.
    reads_replica: what it reads may be as old as the replica is behind.
    """

    name: str
    description: str
    sizing: Sizing
    prefix: str
    public: bool = True
    open: bool = True
    reads_replica: bool = False
    more_paths: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the URL paths that the load balancer routes to the function."""
        return (self.prefix, *self.more_paths)


MIGRATE = FunctionSpec(
    name="migrate",
    description="Brings the database's schema to the newest version",
    # One run at a time is all there is to do; it takes one connection.
    sizing=Sizing(concurrency=1, max_instances=1, timeout_seconds=540, pool_size=1, pool_overflow=0),
    prefix="",
    public=False,
    open=False,
)

# Callers are told apart in the functions, by user token, API key or scheduler token: Cloud Run's own check knows
# none of the first two, so at the platform these are open. What takes Google's identities only is closed there.
BACKFILL = FunctionSpec(
    name="backfill",
    description="Backfill jobs and their progress",
    sizing=Sizing(),
    prefix="/api/v1/monitoring/backfill",
)
FEEDBACK = FunctionSpec(
    name="feedback",
    description="Ratings, comments and flags of insights",
    sizing=Sizing(max_instances=4),
    prefix="/api/v1/feedback",
)
METRICS = FunctionSpec(
    name="metrics",
    description="System metrics and their aggregates",
    sizing=Sizing(max_instances=4),
    prefix="/api/v1/monitoring/metrics",
    reads_replica=True,
)
DATABASE = FunctionSpec(
    name="database",
    description="The fleet's pool and query figures",
    sizing=Sizing(pool_size=5, pool_overflow=5),
    prefix="/api/v1/monitoring/database",
    more_paths=("/metrics",),
)
KEYS = FunctionSpec(
    name="keys",
    description="API keys and the audit log",
    sizing=Sizing(max_instances=1, pool_size=2, pool_overflow=2),
    prefix="/api/v1/access",
)
RETENTION = FunctionSpec(
    name="retention",
    description="What has expired goes to the archive; months of metrics",
    # One run an instance bounds its memory; the second is for a restore meanwhile.
    sizing=Sizing(concurrency=1, timeout_seconds=540, pool_size=2, pool_overflow=1),
    prefix="/api/v1/monitoring/retention",
    open=False,
)
BACKUP = FunctionSpec(
    name="backup",
    description="Backups, and the weekly proof that the newest one restores",
    # Of all calls one works, on a connection of its own; the others find it busy, and answer.
    sizing=Sizing(concurrency=4, timeout_seconds=1800, pool_size=1, pool_overflow=1, apart=1),
    prefix="/api/v1/monitoring/backup",
    open=False,
)
ENDPOINTS = (BACKFILL, FEEDBACK, METRICS, DATABASE, KEYS, RETENTION, BACKUP)
# Asks the others and Google's APIs, and has no database; a stack may do without it.
CONSOLE = FunctionSpec(
    name="console",
    description="The operators' page",
    sizing=Sizing(max_instances=1, pool_size=0, pool_overflow=0),
    prefix="",
    public=False,
    open=False,
)
# It alone may delete backups and archived objects, has no database, and only the scheduler may call it.
KEEPER = FunctionSpec(
    name="keeper",
    description="Has on-demand backups expire, and removes archived objects that hold persons' data in clear",
    sizing=Sizing(concurrency=1, max_instances=1, pool_size=0, pool_overflow=0, ingress="internal"),
    prefix="",
    public=False,
    open=False,
)
FUNCTIONS = (*ENDPOINTS, MIGRATE, KEEPER, CONSOLE)
# They write to Cloud Monitoring.
PUBLISHERS = (DATABASE, BACKUP)


@dataclass(frozen=True)
class Schedule:
    """A POST to a function's path; cron is in UTC. An attempt that outlasts the deadline has failed, and is retried."""

    name: str
    description: str
    function: FunctionSpec
    path: str
    cron: str
    deadline_seconds: int
    retries: int


SCHEDULES = (
    Schedule(
        name="publish-metrics",
        description="Publishes the fleet's figures",
        function=DATABASE,
        path=f"{DATABASE.prefix}/publish-metrics",
        cron="* * * * *",
        deadline_seconds=30,
        retries=1,  # within its minute: the next one is a run of its own
    ),
    Schedule(
        name="sketch-metrics",
        description="Folds metrics whose hour is over into rollups, and prepares their percentiles",
        function=METRICS,
        path=f"{METRICS.prefix}/sketches",
        cron="*/5 * * * *",
        deadline_seconds=60,
        retries=1,
    ),
    Schedule(
        name="partitions",
        description="Makes months of metrics ahead of need, and drops archived ones",
        function=RETENTION,
        path=f"{RETENTION.prefix}/partitions",
        cron="30 1 * * *",
        deadline_seconds=600,
        retries=1,
    ),
    Schedule(
        name="retention",
        description="Archives and deletes what has expired",
        function=RETENTION,
        path=f"{RETENTION.prefix}/run",
        cron="0 2 * * *",
        deadline_seconds=600,
        retries=1,
    ),
    Schedule(
        name="backup",
        description="Backs up the database",
        function=BACKUP,
        path=f"{BACKUP.prefix}/run?budget_seconds=1500",
        cron="0 2 * * 0",
        deadline_seconds=1800,
        retries=1,
    ),
    Schedule(
        name="export",
        description="Writes the database to the bucket of exports",
        function=BACKUP,
        path=f"{BACKUP.prefix}/run?export=true&budget_seconds=1500",
        cron="0 22 * * *",
        deadline_seconds=1800,
        retries=1,
    ),
    Schedule(
        name="expire-backups",
        description="Deletes an on-demand backup that nobody needs any more",
        function=KEEPER,
        path="/expire-backups",
        cron="0 12 * * *",
        deadline_seconds=60,
        retries=1,
    ),
    Schedule(
        name="expunge-objects",
        description="Removes withdrawn objects of the archive that hold persons' data in clear",
        function=KEEPER,
        path="/expunge-objects",
        cron="0 13 * * *",
        deadline_seconds=60,
        retries=1,
    ),
    Schedule(
        name="watch-backups",
        description="Publishes how old the newest backup and the newest proof of one are",
        function=BACKUP,
        path=f"{BACKUP.prefix}/watch",
        cron="*/2 * * * *",
        deadline_seconds=60,
        retries=1,
    ),
    Schedule(
        name="verify-backup",
        description="Proves the newest backup by restoring it",
        function=BACKUP,
        path=f"{BACKUP.prefix}/verify?budget_seconds=1500",
        cron="0 3 * * 0",
        deadline_seconds=1800,
        retries=1,
    ),
    Schedule(
        name="continue-verification",
        description="Goes on with a verification that took longer than a call",
        function=BACKUP,
        path=f"{BACKUP.prefix}/verify?resume_only=true&budget_seconds=1500",
        cron="*/30 3-9 * * 0",
        deadline_seconds=1800,
        retries=0,  # the next one is half an hour away
    ),
)
