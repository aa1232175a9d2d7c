"""What an instance remembers of changes, and what it believes of times that nobody signed."""

import math

from utxoiq_persistence.cache.changes import Changes


def test_changes_that_were_forgotten_for_lack_of_room_make_older_entries_doubtful() -> None:
    changes = Changes(most=2)
    changes.pass_time(10)
    for number, tag in enumerate("abc", start=1):
        changes.add(tag, float(number))
    assert not changes.came_after("a", 0.5, 10)
    assert changes.may_have_come_after("a", 0.5)
    assert not changes.may_have_come_after("a", 1.5)
    assert changes.came_after("c", 2.5, 10)


def test_an_older_message_that_comes_again_changes_nothing() -> None:
    changes = Changes()
    changes.add("a", 3.0)
    changes.add("a", 1.0)
    assert changes.came_after("a", 2.5, 10)


def test_a_change_that_is_to_come_hides_none_that_was() -> None:
    changes = Changes()
    changes.add("a", 950.0)
    assert changes.came_after("a", 900, 1001)
    changes.add("a", 9999999999.0)
    changes.pass_time(1001)
    assert not changes.came_after("a", 900, 1001)  # nobody can say for certain
    assert changes.may_have_come_after("a", 900)
    # From here on it stands for one of then.
    changes.pass_time(1002)
    assert changes.came_after("a", 900, 1002)
    assert not changes.came_after("a", 1001.5, 1002)
    assert not changes.may_have_come_after("a", 1001.5)


def test_an_answer_that_waited_moves_no_change_back() -> None:
    changes = Changes()
    changes.add("a", 1000.0)
    changes.pass_time(1001)
    changes.pass_time(999)  # and came late
    assert not changes.came_after("a", 998, 999)
    assert changes.may_have_come_after("a", 998)
    assert changes.came_after("a", 999.9, 1001)


def test_changes_of_before_the_clock_was_set_back_are_of_now() -> None:
    changes = Changes()
    changes.add("a", 5000.0)
    changes.pass_time(5001)
    changes.pass_time(1401)
    assert changes.may_have_come_after("a", 1400)
    assert not changes.may_have_come_after("a", 1402)


def test_forgotten_changes_that_were_to_come_are_of_now() -> None:
    changes = Changes(most=1)
    changes.add("a", 9999999999.0)
    changes.add("b", 5.0)
    changes.pass_time(10)
    assert changes.may_have_come_after("c", 9)
    assert not changes.may_have_come_after("c", 11)


def test_a_change_at_no_finite_time_is_none() -> None:
    changes = Changes(most=1)
    for moment in (math.inf, math.nan):
        changes.add("a", moment)
        changes.add("b", moment)
    assert not changes.may_have_come_after("a", 1)


def test_what_was_by_another_clock_is_forgotten_and_makes_what_was_loaded_until_now_doubtful() -> None:
    changes = Changes()
    changes.add("a", 50.0)
    changes.begin_anew()
    assert not changes.came_after("a", 9, 60)
    changes.pass_time(10)
    assert changes.may_have_come_after("b", 9)
    assert not changes.may_have_come_after("a", 11)
