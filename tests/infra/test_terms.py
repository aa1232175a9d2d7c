"""The deployment's own keys are made anew with each term, and end with the next one."""

from datetime import UTC, datetime, timedelta

import pytest

from utxoiq_infra.secrets import EPOCH, Term


@pytest.mark.parametrize("days", [1, 90, 365])
def test_a_key_lasts_a_whole_term_after_its_own(days: int) -> None:
    first = Term.current(days, EPOCH)
    last = Term.current(days, EPOCH + timedelta(days=days, seconds=-1))
    following = Term.current(days, EPOCH + timedelta(days=days))
    assert first is not None
    assert first == last != following
    assert first.expires_at == EPOCH + timedelta(days=2 * days)


def test_of_no_days_there_is_no_term() -> None:
    assert Term.current(0, datetime.now(UTC)) is None
