from http import HTTPStatus
from typing import Any, Optional, Union, cast

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.clear_feedback_part import ClearFeedbackPart
from ...models.feedback_row import FeedbackRow
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    insight_id: str,
    part: Union[Unset, ClearFeedbackPart] = UNSET,
    user_id: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    if not isinstance(x_correlation_id, Unset):
        headers["X-Correlation-ID"] = x_correlation_id

    params: dict[str, Any] = {}

    params["insight_id"] = insight_id

    json_part: Union[Unset, str] = UNSET
    if not isinstance(part, Unset):
        json_part = part

    params["part"] = json_part

    params["user_id"] = user_id

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "delete",
        "url": "/api/v1/feedback",
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: Union[AuthenticatedClient, Client], response: httpx.Response
) -> Optional[Union[Any, FeedbackRow, ProblemDetails]]:
    if response.status_code == 200:
        response_200 = FeedbackRow.from_dict(response.json())

        return response_200

    if response.status_code == 204:
        response_204 = cast(Any, None)
        return response_204

    if response.status_code == 400:
        response_400 = ProblemDetails.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ProblemDetails.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ProblemDetails.from_dict(response.json())

        return response_403

    if response.status_code == 405:
        response_405 = ProblemDetails.from_dict(response.json())

        return response_405

    if response.status_code == 422:
        response_422 = ProblemDetails.from_dict(response.json())

        return response_422

    if response.status_code == 429:
        response_429 = ProblemDetails.from_dict(response.json())

        return response_429

    if response.status_code == 500:
        response_500 = ProblemDetails.from_dict(response.json())

        return response_500

    if response.status_code == 503:
        response_503 = ProblemDetails.from_dict(response.json())

        return response_503

    if response.status_code == 504:
        response_504 = ProblemDetails.from_dict(response.json())

        return response_504

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    return None


def _build_response(
    *, client: Union[AuthenticatedClient, Client], response: httpx.Response
) -> Response[Union[Any, FeedbackRow, ProblemDetails]]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    insight_id: str,
    part: Union[Unset, ClearFeedbackPart] = UNSET,
    user_id: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[Any, FeedbackRow, ProblemDetails]]:
    """Clear a user's rating of, comment on or flag of an insight, or all three

     Clear a user's rating of, comment on or flag of an insight, or all three. Answers 204 if nothing is
    left.

    Feedback that is archived already stays there until its user is erased.

    Args:
        insight_id (str):
        part (Union[Unset, ClearFeedbackPart]):
        user_id (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[Any, FeedbackRow, ProblemDetails]]
    """
    kwargs = _get_kwargs(
        insight_id=insight_id,
        part=part,
        user_id=user_id,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    *,
    client: AuthenticatedClient,
    insight_id: str,
    part: Union[Unset, ClearFeedbackPart] = UNSET,
    user_id: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[Any, FeedbackRow, ProblemDetails]]:
    """Clear a user's rating of, comment on or flag of an insight, or all three

     Clear a user's rating of, comment on or flag of an insight, or all three. Answers 204 if nothing is
    left.

    Feedback that is archived already stays there until its user is erased.

    Args:
        insight_id (str):
        part (Union[Unset, ClearFeedbackPart]):
        user_id (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[Any, FeedbackRow, ProblemDetails]
    """
    return sync_detailed(
        client=client,
        insight_id=insight_id,
        part=part,
        user_id=user_id,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    insight_id: str,
    part: Union[Unset, ClearFeedbackPart] = UNSET,
    user_id: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[Any, FeedbackRow, ProblemDetails]]:
    """Clear a user's rating of, comment on or flag of an insight, or all three

     Clear a user's rating of, comment on or flag of an insight, or all three. Answers 204 if nothing is
    left.

    Feedback that is archived already stays there until its user is erased.

    Args:
        insight_id (str):
        part (Union[Unset, ClearFeedbackPart]):
        user_id (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[Any, FeedbackRow, ProblemDetails]]
    """
    kwargs = _get_kwargs(
        insight_id=insight_id,
        part=part,
        user_id=user_id,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    insight_id: str,
    part: Union[Unset, ClearFeedbackPart] = UNSET,
    user_id: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[Any, FeedbackRow, ProblemDetails]]:
    """Clear a user's rating of, comment on or flag of an insight, or all three

     Clear a user's rating of, comment on or flag of an insight, or all three. Answers 204 if nothing is
    left.

    Feedback that is archived already stays there until its user is erased.

    Args:
        insight_id (str):
        part (Union[Unset, ClearFeedbackPart]):
        user_id (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[Any, FeedbackRow, ProblemDetails]
    """
    return (
        await asyncio_detailed(
            client=client,
            insight_id=insight_id,
            part=part,
            user_id=user_id,
            x_request_id=x_request_id,
            x_correlation_id=x_correlation_id,
        )
    ).parsed
