from utxoiq_http.observability.sampling import ASKED_SECONDS, BURST, Sampling


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_share_of_all_requests_is_traced() -> None:
    sampling = Sampling(0.25, Clock())
    traced = sum(sampling.should_sample(asked=False) for _ in range(10_000))
    assert 2000 < traced < 3000


def test_all_are_where_the_share_is_one() -> None:
    sampling = Sampling(1.0, Clock())
    assert all(sampling.should_sample(asked) for asked in (True, False) * 1000)


def test_who_asks_is_followed_as_long_as_it_is_seldom() -> None:
    clock = Clock()
    sampling = Sampling(1e-12, clock)
    assert not sampling.should_sample(asked=False)
    assert [sampling.should_sample(asked=True) for _ in range(BURST + 1)] == [True] * BURST + [False]
    clock.now += ASKED_SECONDS
    assert [sampling.should_sample(asked=True) for _ in range(2)] == [True, False]


def test_a_quiet_hour_saves_up_no_more_than_a_burst() -> None:
    clock = Clock()
    sampling = Sampling(1e-12, clock)
    clock.now += 3600
    assert sum(sampling.should_sample(asked=True) for _ in range(1000)) == BURST
