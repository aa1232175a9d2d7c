import uuid
from typing import Any

import httpx
import msgspec
import pytest
from tests.integration.http.functions import Api

from utxoiq_http.answers import CommentPage, FeedbackRow, Stats, UserFeedbackPage

PATH = "/api/v1/feedback"


@pytest.fixture
def insight() -> str:
    return f"insight-{uuid.uuid4()}"


def rate(api: Api, insight: str, rating: int = 4, caller: str = "user", **fields: object) -> httpx.Response:
    return api("POST", f"{PATH}/rate", caller, json={"insight_id": insight, "rating": rating, **fields})


def comment(api: Api, insight: str, text: str = "true", caller: str = "user", **fields: object) -> httpx.Response:
    return api("POST", f"{PATH}/comment", caller, json={"insight_id": insight, "comment": text, **fields})


def flag(api: Api, insight: str, kind: str = "spam", caller: str = "user", **fields: object) -> httpx.Response:
    return api("POST", f"{PATH}/flag", caller, json={"insight_id": insight, "flag_type": kind, **fields})


def stats(api: Api, insight: str) -> Any:
    return api("GET", f"{PATH}/stats", None, params={"insight_id": insight}).json()


def of_user(api: Api, caller: str = "service", **parameters: object) -> Any:
    return api("GET", f"{PATH}/user", caller, params=parameters).json()


def test_rating_commenting_and_flagging_fill_one_row(api: Api, insight: str) -> None:
    rated = rate(api, insight, 4).json()
    commented = comment(api, insight, "good").json()
    flagged = flag(api, insight, "spam", flag_reason="an advert").json()
    assert rated["id"] == commented["id"] == flagged["id"]
    assert (rated["comment"], rated["flag_type"]) == (None, None)
    shown = {name: flagged[name] for name in ("rating", "comment", "flag_type", "flag_reason", "user_id")}
    assert shown == {
        "rating": 4,
        "comment": "good",
        "flag_type": "spam",
        "flag_reason": "an advert",
        "user_id": "user-1",
    }


def test_a_feedback_row_has_the_documented_shape(api: Api, insight: str) -> None:
    for response in (rate(api, insight), comment(api, insight), flag(api, insight)):
        assert response.status_code == 200
        msgspec.json.decode(response.content, type=FeedbackRow)


def test_a_second_rating_replaces_the_first_and_leaves_the_comment(api: Api, insight: str) -> None:
    rate(api, insight, 1, comment="first")
    second = rate(api, insight, 5).json()
    assert (second["rating"], second["comment"]) == (5, "first")
    assert stats(api, insight)["total_ratings"] == 1


def test_a_service_speaks_for_the_user_it_names(api: Api, insight: str) -> None:
    assert rate(api, insight, caller="service", user_id="someone").json()["user_id"] == "someone"


def test_a_service_that_names_no_user_is_422(api: Api, insight: str) -> None:
    for response in (
        rate(api, insight, caller="service"),
        comment(api, insight, caller="service"),
        flag(api, insight, caller="service"),
        api("GET", f"{PATH}/user"),
    ):
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == "user_id"


def test_a_user_may_name_itself_and_nobody_else(api: Api, insight: str) -> None:
    assert rate(api, insight, user_id="user-1").status_code == 200
    for response in (
        rate(api, insight, user_id="user-2"),
        comment(api, insight, user_id="user-2"),
        flag(api, insight, user_id="user-2"),
        api("GET", f"{PATH}/user", "user", params={"user_id": "user-2"}),
    ):
        assert response.status_code == 403
    assert stats(api, insight)["total_ratings"] == 1


def test_statistics_of_an_insight_without_feedback_are_zero(api: Api, insight: str) -> None:
    assert stats(api, insight) == {
        "insight_id": insight,
        "total_ratings": 0,
        "average_rating": 0.0,
        "rating_distribution": {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0},
        "total_comments": 0,
        "total_flags": 0,
        "flag_types": {},
    }


def test_statistics_count_what_users_said(api: Api, insight: str) -> None:
    for number, rating in enumerate([1, 4, 4, 5]):
        rate(api, insight, rating, "service", user_id=f"user-{number}")
    comment(api, insight, caller="service", user_id="user-0")
    flag(api, insight, "spam", caller="service", user_id="user-0")
    flag(api, insight, "misleading", caller="service", user_id="user-9")
    assert stats(api, insight) == {
        "insight_id": insight,
        "total_ratings": 4,
        "average_rating": 3.5,
        "rating_distribution": {"1": 1, "2": 0, "3": 0, "4": 2, "5": 1},
        "total_comments": 1,
        "total_flags": 2,
        "flag_types": {"spam": 1, "misleading": 1},
    }


def test_statistics_have_the_documented_shape(api: Api, insight: str) -> None:
    flag(api, insight)
    response = api("GET", f"{PATH}/stats", None, params={"insight_id": insight})
    msgspec.json.decode(response.content, type=Stats)


def test_a_rating_is_seen_by_the_next_read_of_the_statistics(api: Api, insight: str) -> None:
    for number in range(20):
        rate(api, insight, 1 + number % 5, "service", user_id=f"user-{number}")
        assert stats(api, insight)["total_ratings"] == number + 1
        assert stats(api, insight)["total_ratings"] == number + 1


def test_an_insight_may_have_any_name(api: Api) -> None:
    name = f"{uuid.uuid4()} a&b=c/d%+ü🎉\"'\\"
    assert rate(api, name).json()["insight_id"] == name
    assert stats(api, name)["insight_id"] == name
    assert stats(api, name)["total_ratings"] == 1


def test_comments_are_shown_newest_first(api: Api, insight: str) -> None:
    for number in range(3):
        comment(api, insight, f"comment {number}", "service", user_id=f"user-{number}")
    rate(api, insight, caller="other")
    response = api("GET", f"{PATH}/comments", None, params={"insight_id": insight})
    page = response.json()
    assert [one["comment"] for one in page["comments"]] == ["comment 2", "comment 1", "comment 0"]
    assert (page["insight_id"], page["total"], page["limit"], page["offset"]) == (insight, 3, 20, 0)
    msgspec.json.decode(response.content, type=CommentPage)


def test_a_page_of_comments_counts_them_all(api: Api, insight: str) -> None:
    for number in range(3):
        comment(api, insight, f"comment {number}", "service", user_id=f"user-{number}")
    parameters = {"insight_id": insight, "limit": "1", "offset": "1"}
    page = api("GET", f"{PATH}/comments", None, params=parameters).json()
    assert [one["comment"] for one in page["comments"]] == ["comment 1"]
    assert (page["total"], page["limit"], page["offset"]) == (3, 1, 1)


def test_comments_by_cursor_stay_while_more_are_written(api: Api, insight: str) -> None:
    for number in range(5):
        comment(api, insight, f"comment {number}", "service", user_id=f"user-{number}")
    page = api("GET", f"{PATH}/comments", None, params={"insight_id": insight, "limit": "2"})
    comment(api, insight, "comment 5", "service", user_id="user-5")
    shown = [one["comment"] for one in page.json()["comments"]]
    while "next" in page.links:
        page = api("GET", page.links["next"]["url"], None)
        shown += [one["comment"] for one in page.json()["comments"]]
    assert shown == [f"comment {number}" for number in (4, 3, 2, 1, 0)]


def test_a_cursor_and_an_offset_exclude_each_other(api: Api, insight: str) -> None:
    for number in range(3):
        comment(api, insight, "x", "service", user_id=f"user-{number}")
    page = api("GET", f"{PATH}/comments", None, params={"insight_id": insight, "limit": "1"})
    response = api("GET", page.links["next"]["url"] + "&offset=1", None)
    assert response.status_code == 400
    assert "offset" in response.json()["detail"]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "bm93IG5vdA", "MjAyNi0wMS0wMSAwMDowMDowMC54IDA"])
def test_a_cursor_that_nobody_gave_out_is_422(api: Api, insight: str, cursor: str) -> None:
    response = api("GET", f"{PATH}/comments", None, params={"insight_id": insight, "cursor": cursor})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "cursor"


def test_a_user_reads_everything_it_said(api: Api) -> None:
    user = f"user-{uuid.uuid4()}"
    for number in range(3):
        rate(api, f"insight-{number}", 3 + number % 2, "service", user_id=user)
    response = api("GET", f"{PATH}/user", params={"user_id": user})
    page = response.json()
    assert [row["insight_id"] for row in page["feedback"]] == ["insight-2", "insight-1", "insight-0"]
    assert (page["user_id"], page["total"], page["limit"], page["offset"]) == (user, 3, 50, 0)
    msgspec.json.decode(response.content, type=UserFeedbackPage)


def test_a_users_feedback_is_found_by_rating_and_date(api: Api) -> None:
    user = f"user-{uuid.uuid4()}"
    rows = [rate(api, f"insight-{number}", 1 + number, "service", user_id=user).json() for number in range(3)]
    assert of_user(api, user_id=user, rating=2)["total"] == 1
    middle = rows[1]["created_at"]
    assert of_user(api, user_id=user, start_time=middle)["total"] == 2
    assert of_user(api, user_id=user, end_time=middle)["total"] == 2
    assert of_user(api, user_id=user, start_time=middle, end_time=middle)["feedback"] == [rows[1]]


def test_a_total_counts_matches_and_not_the_page(api: Api) -> None:
    user = f"user-{uuid.uuid4()}"
    for number in range(4):
        rate(api, f"insight-{number}", 5, "service", user_id=user)
    page = of_user(api, user_id=user, limit=1, offset=2)
    assert (page["total"], len(page["feedback"])) == (4, 1)


def test_a_user_sees_only_its_own(api: Api, insight: str) -> None:
    rate(api, insight, caller="user")
    rate(api, insight, caller="other")
    assert {row["user_id"] for row in of_user(api, "other")["feedback"]} == {"user-2"}


def test_a_range_that_ends_before_it_starts_is_400(api: Api) -> None:
    parameters = {"start_time": "2026-01-02T00:00:00Z", "end_time": "2026-01-01T00:00:00Z"}
    assert api("GET", f"{PATH}/user", "user", params=parameters).status_code == 400
