from http import HTTPStatus
from typing import Any, Optional, Union

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.archive_shown import ArchiveShown
from ...models.list_archive_days_table import ListArchiveDaysTable
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    table: Union[Unset, ListArchiveDaysTable] = UNSET,
    limit: Union[Unset, int] = 200,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    if not isinstance(x_correlation_id, Unset):
        headers["X-Correlation-ID"] = x_correlation_id

    params: dict[str, Any] = {}

    json_table: Union[Unset, str] = UNSET
    if not isinstance(table, Unset):
        json_table = table

    params["table"] = json_table

    params["limit"] = limit

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/monitoring/retention/archive",
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: Union[AuthenticatedClient, Client], response: httpx.Response
) -> Optional[Union[ArchiveShown, ProblemDetails]]:
    if response.status_code == 200:
        response_200 = ArchiveShown.from_dict(response.json())

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
) -> Response[Union[ArchiveShown, ProblemDetails]]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    table: Union[Unset, ListArchiveDaysTable] = UNSET,
    limit: Union[Unset, int] = 200,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[ArchiveShown, ProblemDetails]]:
    """List what the archive has by table and day: objects, rows, bytes, and their state

     List what the archive has by table and day: objects, rows, bytes, and their state.

    Args:
        table (Union[Unset, ListArchiveDaysTable]):
        limit (Union[Unset, int]):  Default: 200.
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[ArchiveShown, ProblemDetails]]
    """
    kwargs = _get_kwargs(
        table=table,
        limit=limit,
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
    table: Union[Unset, ListArchiveDaysTable] = UNSET,
    limit: Union[Unset, int] = 200,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[ArchiveShown, ProblemDetails]]:
    """List what the archive has by table and day: objects, rows, bytes, and their state

     List what the archive has by table and day: objects, rows, bytes, and their state.

    Args:
        table (Union[Unset, ListArchiveDaysTable]):
        limit (Union[Unset, int]):  Default: 200.
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[ArchiveShown, ProblemDetails]
    """
    return sync_detailed(
        client=client,
        table=table,
        limit=limit,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    table: Union[Unset, ListArchiveDaysTable] = UNSET,
    limit: Union[Unset, int] = 200,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[ArchiveShown, ProblemDetails]]:
    """List what the archive has by table and day: objects, rows, bytes, and their state

     List what the archive has by table and day: objects, rows, bytes, and their state.

    Args:
        table (Union[Unset, ListArchiveDaysTable]):
        limit (Union[Unset, int]):  Default: 200.
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[ArchiveShown, ProblemDetails]]
    """
    kwargs = _get_kwargs(
        table=table,
        limit=limit,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    table: Union[Unset, ListArchiveDaysTable] = UNSET,
    limit: Union[Unset, int] = 200,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[ArchiveShown, ProblemDetails]]:
    """List what the archive has by table and day: objects, rows, bytes, and their state

     List what the archive has by table and day: objects, rows, bytes, and their state.

    Args:
        table (Union[Unset, ListArchiveDaysTable]):
        limit (Union[Unset, int]):  Default: 200.
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[ArchiveShown, ProblemDetails]
    """
    return (
        await asyncio_detailed(
            client=client,
            table=table,
            limit=limit,
            x_request_id=x_request_id,
            x_correlation_id=x_correlation_id,
        )
    ).parsed
