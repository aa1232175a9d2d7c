from http import HTTPStatus
from typing import Any, Optional, Union

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.archive_question import ArchiveQuestion
from ...models.problem_details import ProblemDetails
from ...models.query_answer_shown import QueryAnswerShown
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: ArchiveQuestion,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    if not isinstance(x_correlation_id, Unset):
        headers["X-Correlation-ID"] = x_correlation_id

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/monitoring/retention/query",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: Union[AuthenticatedClient, Client], response: httpx.Response
) -> Optional[Union[ProblemDetails, QueryAnswerShown]]:
    if response.status_code == 200:
        response_200 = QueryAnswerShown.from_dict(response.json())

        return response_200

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

    if response.status_code == 408:
        response_408 = ProblemDetails.from_dict(response.json())

        return response_408

    if response.status_code == 413:
        response_413 = ProblemDetails.from_dict(response.json())

        return response_413

    if response.status_code == 415:
        response_415 = ProblemDetails.from_dict(response.json())

        return response_415

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
) -> Response[Union[ProblemDetails, QueryAnswerShown]]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: ArchiveQuestion,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[ProblemDetails, QueryAnswerShown]]:
    """Ask the archive by SQL: one SELECT over at most 31 days of one table

     Ask the archive by SQL: one SELECT over at most 31 days of one table.

    For operators; it changes nothing, is bounded in rows, bytes and time, and each call is audited.

    Args:
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (ArchiveQuestion): Asks one table's archived days by SQL: the days that have rows
            with start_time <= time < end_time, as a whole.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[ProblemDetails, QueryAnswerShown]]
    """
    kwargs = _get_kwargs(
        body=body,
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
    body: ArchiveQuestion,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[ProblemDetails, QueryAnswerShown]]:
    """Ask the archive by SQL: one SELECT over at most 31 days of one table

     Ask the archive by SQL: one SELECT over at most 31 days of one table.

    For operators; it changes nothing, is bounded in rows, bytes and time, and each call is audited.

    Args:
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (ArchiveQuestion): Asks one table's archived days by SQL: the days that have rows
            with start_time <= time < end_time, as a whole.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[ProblemDetails, QueryAnswerShown]
    """
    return sync_detailed(
        client=client,
        body=body,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: ArchiveQuestion,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[ProblemDetails, QueryAnswerShown]]:
    """Ask the archive by SQL: one SELECT over at most 31 days of one table

     Ask the archive by SQL: one SELECT over at most 31 days of one table.

    For operators; it changes nothing, is bounded in rows, bytes and time, and each call is audited.

    Args:
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (ArchiveQuestion): Asks one table's archived days by SQL: the days that have rows
            with start_time <= time < end_time, as a whole.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[ProblemDetails, QueryAnswerShown]]
    """
    kwargs = _get_kwargs(
        body=body,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: ArchiveQuestion,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[ProblemDetails, QueryAnswerShown]]:
    """Ask the archive by SQL: one SELECT over at most 31 days of one table

     Ask the archive by SQL: one SELECT over at most 31 days of one table.

    For operators; it changes nothing, is bounded in rows, bytes and time, and each call is audited.

    Args:
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (ArchiveQuestion): Asks one table's archived days by SQL: the days that have rows
            with start_time <= time < end_time, as a whole.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[ProblemDetails, QueryAnswerShown]
    """
    return (
        await asyncio_detailed(
            client=client,
            body=body,
            x_request_id=x_request_id,
            x_correlation_id=x_correlation_id,
        )
    ).parsed
