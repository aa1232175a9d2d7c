import datetime
from http import HTTPStatus
from typing import Any, Optional, Union

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.metric import Metric
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    start_time: datetime.datetime,
    end_time: datetime.datetime,
    service_name: Union[Unset, str] = UNSET,
    metric_type: Union[Unset, str] = UNSET,
    limit: Union[Unset, int] = 1000,
    offset: Union[Unset, int] = 0,
    cursor: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    if not isinstance(x_correlation_id, Unset):
        headers["X-Correlation-ID"] = x_correlation_id

    params: dict[str, Any] = {}

    json_start_time = start_time.isoformat()
    params["start_time"] = json_start_time

    json_end_time = end_time.isoformat()
    params["end_time"] = json_end_time

    params["service_name"] = service_name

    params["metric_type"] = metric_type

    params["limit"] = limit

    params["offset"] = offset

    params["cursor"] = cursor

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/api/v1/monitoring/metrics",
        "params": params,
    }

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: Union[AuthenticatedClient, Client], response: httpx.Response
) -> Optional[Union[ProblemDetails, list["Metric"]]]:
    if response.status_code == 200:
        response_200 = []
        _response_200 = response.json()
        for response_200_item_data in _response_200:
            response_200_item = Metric.from_dict(response_200_item_data)

            response_200.append(response_200_item)

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
) -> Response[Union[ProblemDetails, list["Metric"]]]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    start_time: datetime.datetime,
    end_time: datetime.datetime,
    service_name: Union[Unset, str] = UNSET,
    metric_type: Union[Unset, str] = UNSET,
    limit: Union[Unset, int] = 1000,
    offset: Union[Unset, int] = 0,
    cursor: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[ProblemDetails, list["Metric"]]]:
    """List the metrics of a time range, newest first

     List the metrics of a time range, newest first. Both start_time and end_time are inclusive.

    A page is cut before it grows beyond 16 MiB; the Link header leads to the rest. Metrics that have
    left the database
    for the archive are not in the list: X-Archived-Range tells where in the range they lie, X-Archived-
    Rows how many
    they are at most.

    Args:
        start_time (datetime.datetime):
        end_time (datetime.datetime):
        service_name (Union[Unset, str]):
        metric_type (Union[Unset, str]):
        limit (Union[Unset, int]):  Default: 1000.
        offset (Union[Unset, int]):  Default: 0.
        cursor (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[ProblemDetails, list['Metric']]]
    """
    kwargs = _get_kwargs(
        start_time=start_time,
        end_time=end_time,
        service_name=service_name,
        metric_type=metric_type,
        limit=limit,
        offset=offset,
        cursor=cursor,
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
    start_time: datetime.datetime,
    end_time: datetime.datetime,
    service_name: Union[Unset, str] = UNSET,
    metric_type: Union[Unset, str] = UNSET,
    limit: Union[Unset, int] = 1000,
    offset: Union[Unset, int] = 0,
    cursor: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[ProblemDetails, list["Metric"]]]:
    """List the metrics of a time range, newest first

     List the metrics of a time range, newest first. Both start_time and end_time are inclusive.

    A page is cut before it grows beyond 16 MiB; the Link header leads to the rest. Metrics that have
    left the database
    for the archive are not in the list: X-Archived-Range tells where in the range they lie, X-Archived-
    Rows how many
    they are at most.

    Args:
        start_time (datetime.datetime):
        end_time (datetime.datetime):
        service_name (Union[Unset, str]):
        metric_type (Union[Unset, str]):
        limit (Union[Unset, int]):  Default: 1000.
        offset (Union[Unset, int]):  Default: 0.
        cursor (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[ProblemDetails, list['Metric']]
    """
    return sync_detailed(
        client=client,
        start_time=start_time,
        end_time=end_time,
        service_name=service_name,
        metric_type=metric_type,
        limit=limit,
        offset=offset,
        cursor=cursor,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    start_time: datetime.datetime,
    end_time: datetime.datetime,
    service_name: Union[Unset, str] = UNSET,
    metric_type: Union[Unset, str] = UNSET,
    limit: Union[Unset, int] = 1000,
    offset: Union[Unset, int] = 0,
    cursor: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[ProblemDetails, list["Metric"]]]:
    """List the metrics of a time range, newest first

     List the metrics of a time range, newest first. Both start_time and end_time are inclusive.

    A page is cut before it grows beyond 16 MiB; the Link header leads to the rest. Metrics that have
    left the database
    for the archive are not in the list: X-Archived-Range tells where in the range they lie, X-Archived-
    Rows how many
    they are at most.

    Args:
        start_time (datetime.datetime):
        end_time (datetime.datetime):
        service_name (Union[Unset, str]):
        metric_type (Union[Unset, str]):
        limit (Union[Unset, int]):  Default: 1000.
        offset (Union[Unset, int]):  Default: 0.
        cursor (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[ProblemDetails, list['Metric']]]
    """
    kwargs = _get_kwargs(
        start_time=start_time,
        end_time=end_time,
        service_name=service_name,
        metric_type=metric_type,
        limit=limit,
        offset=offset,
        cursor=cursor,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    start_time: datetime.datetime,
    end_time: datetime.datetime,
    service_name: Union[Unset, str] = UNSET,
    metric_type: Union[Unset, str] = UNSET,
    limit: Union[Unset, int] = 1000,
    offset: Union[Unset, int] = 0,
    cursor: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[ProblemDetails, list["Metric"]]]:
    """List the metrics of a time range, newest first

     List the metrics of a time range, newest first. Both start_time and end_time are inclusive.

    A page is cut before it grows beyond 16 MiB; the Link header leads to the rest. Metrics that have
    left the database
    for the archive are not in the list: X-Archived-Range tells where in the range they lie, X-Archived-
    Rows how many
    they are at most.

    Args:
        start_time (datetime.datetime):
        end_time (datetime.datetime):
        service_name (Union[Unset, str]):
        metric_type (Union[Unset, str]):
        limit (Union[Unset, int]):  Default: 1000.
        offset (Union[Unset, int]):  Default: 0.
        cursor (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[ProblemDetails, list['Metric']]
    """
    return (
        await asyncio_detailed(
            client=client,
            start_time=start_time,
            end_time=end_time,
            service_name=service_name,
            metric_type=metric_type,
            limit=limit,
            offset=offset,
            cursor=cursor,
            x_request_id=x_request_id,
            x_correlation_id=x_correlation_id,
        )
    ).parsed
