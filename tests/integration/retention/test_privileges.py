"""The function's database user may do what retention does, and no more."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pg8000.exceptions import DatabaseError
from tests.integration.retention.world import World, month_start

from utxoiq_persistence.store import Store

pytestmark = pytest.mark.anyio
USER = "retention_user"


@pytest.fixture
def member(world: World) -> Iterator[World]:
    world.sql.run(f"CREATE ROLE {USER} LOGIN")
    world.sql.run(f"GRANT utxoiq_retention TO {USER}")
    settings = replace(world.settings, database=replace(world.settings.database, user=USER))
    yield replace(world, settings=settings)
    world.sql.run(f"REVOKE utxoiq_retention FROM {USER}")
    world.sql.run(f"DROP ROLE {USER}")


async def test_the_group_s_rights_suffice_for_everything(member: World) -> None:
    member.jobs(200, 2)
    member.feedback(800, 3)
    member.metrics(month_start(5), 4)
    member.metrics(month_start(40), 2, month=False)
    member.fold()
    before, sketches = member.everything(), member.sketches_of_rows()
    async with Store.opened(member.settings) as store:
        service = member.service(store)
        report = await service.run("test")
        await service.upkeep()
        restored = await service.restore("system_metrics", month_start(50), month_start(1), keep_days=1)
    assert (report.status, report.message) == ("success", "11 rows archived, 11 rows deleted")
    assert restored.restored == 6
    assert member.archived("system_metrics") == before["system_metrics"]
    assert member.sketches() == sketches


async def test_it_can_neither_change_rows_nor_statistics(member: World) -> None:
    with member.postgres.connect(USER, member.settings.database.name) as connection:
        for command in (
            "UPDATE metric_points SET metric_value = 0",
            "UPDATE metric_watermark SET folded = now()",
            "INSERT INTO metric_series (series, service_name, metric_type, unit) VALUES (1, 'a', 'b', 'c')",
            "UPDATE insight_feedback SET rating = 1",
            "UPDATE insight_stats SET rating_1 = 0",
            "DELETE FROM archived_insight_stats",
            "DELETE FROM metric_rollups",
            "DROP TABLE metric_points_default",
        ):
            with pytest.raises(DatabaseError):
                connection.run(command)
