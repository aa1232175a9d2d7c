from http import HTTPStatus
from typing import Any, Optional, Union, cast
from uuid import UUID

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.job import Job
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    job_id: UUID,
    *,
    if_none_match: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(if_none_match, Unset):
        headers["If-None-Match"] = if_none_match

    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    if not isinstance(x_correlation_id, Unset):
        headers["X-Correlation-ID"] = x_correlation_id

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": f"/api/v1/monitoring/backfill/{job_id}",
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: Union[AuthenticatedClient, Client], response: httpx.Response
) -> Optional[Union[Any, Job, ProblemDetails]]:
    if response.status_code == 200:
        response_200 = Job.from_dict(response.json())

        return response_200

    if response.status_code == 304:
        response_304 = cast(Any, None)
        return response_304

    if response.status_code == 400:
        response_400 = ProblemDetails.from_dict(response.json())

        return response_400

    if response.status_code == 401:
        response_401 = ProblemDetails.from_dict(response.json())

        return response_401

    if response.status_code == 403:
        response_403 = ProblemDetails.from_dict(response.json())

        return response_403

    if response.status_code == 404:
        response_404 = ProblemDetails.from_dict(response.json())

        return response_404

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
) -> Response[Union[Any, Job, ProblemDetails]]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    job_id: UUID,
    *,
    client: AuthenticatedClient,
    if_none_match: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[Any, Job, ProblemDetails]]:
    """Get a backfill job

     Get a backfill job. The response is 304 if its version is one that If-None-Match names.

    Args:
        job_id (UUID):
        if_none_match (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[Any, Job, ProblemDetails]]
    """
    kwargs = _get_kwargs(
        job_id=job_id,
        if_none_match=if_none_match,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)


def sync(
    job_id: UUID,
    *,
    client: AuthenticatedClient,
    if_none_match: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[Any, Job, ProblemDetails]]:
    """Get a backfill job

     Get a backfill job. The response is 304 if its version is one that If-None-Match names.

    Args:
        job_id (UUID):
        if_none_match (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[Any, Job, ProblemDetails]
    """
    return sync_detailed(
        job_id=job_id,
        client=client,
        if_none_match=if_none_match,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    ).parsed


async def asyncio_detailed(
    job_id: UUID,
    *,
    client: AuthenticatedClient,
    if_none_match: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[Any, Job, ProblemDetails]]:
    """Get a backfill job

     Get a backfill job. The response is 304 if its version is one that If-None-Match names.

    Args:
        job_id (UUID):
        if_none_match (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[Any, Job, ProblemDetails]]
    """
    kwargs = _get_kwargs(
        job_id=job_id,
        if_none_match=if_none_match,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    job_id: UUID,
    *,
    client: AuthenticatedClient,
    if_none_match: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[Any, Job, ProblemDetails]]:
    """Get a backfill job

     Get a backfill job. The response is 304 if its version is one that If-None-Match names.

    Args:
        job_id (UUID):
        if_none_match (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[Any, Job, ProblemDetails]
    """
    return (
        await asyncio_detailed(
            job_id=job_id,
            client=client,
            if_none_match=if_none_match,
            x_request_id=x_request_id,
            x_correlation_id=x_correlation_id,
        )
    ).parsed
