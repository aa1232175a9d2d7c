from http import HTTPStatus
from typing import Any, Optional, Union

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.backup_status import BackupStatus
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    budget_seconds: Union[Unset, int] = 600,
    export: Union[Unset, bool] = False,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    if not isinstance(x_correlation_id, Unset):
        headers["X-Correlation-ID"] = x_correlation_id

    params: dict[str, Any] = {}

    params["budget_seconds"] = budget_seconds

    params["export"] = export

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/monitoring/backup/run",
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: Union[AuthenticatedClient, Client], response: httpx.Response
) -> Optional[Union[BackupStatus, ProblemDetails]]:
    if response.status_code == 200:
        response_200 = BackupStatus.from_dict(response.json())

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

    if response.status_code == 502:
        response_502 = ProblemDetails.from_dict(response.json())

        return response_502

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
) -> Response[Union[BackupStatus, ProblemDetails]]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    budget_seconds: Union[Unset, int] = 600,
    export: Union[Unset, bool] = False,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[BackupStatus, ProblemDetails]]:
    """Back up or export the database, or continue the one in progress

     Back up or export the database, or continue the one in progress. Called by Cloud Scheduler.

    One that fails is answered with an error, so that it is tried again.

    Args:
        budget_seconds (Union[Unset, int]):  Default: 600.
        export (Union[Unset, bool]):  Default: False.
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[BackupStatus, ProblemDetails]]
    """
    kwargs = _get_kwargs(
        budget_seconds=budget_seconds,
        export=export,
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
    budget_seconds: Union[Unset, int] = 600,
    export: Union[Unset, bool] = False,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[BackupStatus, ProblemDetails]]:
    """Back up or export the database, or continue the one in progress

     Back up or export the database, or continue the one in progress. Called by Cloud Scheduler.

    One that fails is answered with an error, so that it is tried again.

    Args:
        budget_seconds (Union[Unset, int]):  Default: 600.
        export (Union[Unset, bool]):  Default: False.
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[BackupStatus, ProblemDetails]
    """
    return sync_detailed(
        client=client,
        budget_seconds=budget_seconds,
        export=export,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    budget_seconds: Union[Unset, int] = 600,
    export: Union[Unset, bool] = False,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[BackupStatus, ProblemDetails]]:
    """Back up or export the database, or continue the one in progress

     Back up or export the database, or continue the one in progress. Called by Cloud Scheduler.

    One that fails is answered with an error, so that it is tried again.

    Args:
        budget_seconds (Union[Unset, int]):  Default: 600.
        export (Union[Unset, bool]):  Default: False.
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[BackupStatus, ProblemDetails]]
    """
    kwargs = _get_kwargs(
        budget_seconds=budget_seconds,
        export=export,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    budget_seconds: Union[Unset, int] = 600,
    export: Union[Unset, bool] = False,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[BackupStatus, ProblemDetails]]:
    """Back up or export the database, or continue the one in progress

     Back up or export the database, or continue the one in progress. Called by Cloud Scheduler.

    One that fails is answered with an error, so that it is tried again.

    Args:
        budget_seconds (Union[Unset, int]):  Default: 600.
        export (Union[Unset, bool]):  Default: False.
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[BackupStatus, ProblemDetails]
    """
    return (
        await asyncio_detailed(
            client=client,
            budget_seconds=budget_seconds,
            export=export,
            x_request_id=x_request_id,
            x_correlation_id=x_correlation_id,
        )
    ).parsed
