from http import HTTPStatus
from typing import Any, Optional, Union

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.metric import Metric
from ...models.new_metric import NewMetric
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: list["NewMetric"],
    idempotency_key: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(idempotency_key, Unset):
        headers["Idempotency-Key"] = idempotency_key

    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    if not isinstance(x_correlation_id, Unset):
        headers["X-Correlation-ID"] = x_correlation_id

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/monitoring/metrics/batch",
    }

    _kwargs["json"] = []
    for body_item_data in body:
        body_item = body_item_data.to_dict()
        _kwargs["json"].append(body_item)

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: Union[AuthenticatedClient, Client], response: httpx.Response
) -> Optional[Union[ProblemDetails, list["Metric"]]]:
    if response.status_code == 201:
        response_201 = []
        _response_201 = response.json()
        for response_201_item_data in _response_201:
            response_201_item = Metric.from_dict(response_201_item_data)

            response_201.append(response_201_item)

        return response_201

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
    body: list["NewMetric"],
    idempotency_key: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[ProblemDetails, list["Metric"]]]:
    """Record a batch of up to 5000 metrics

     Record a batch of up to 5000 metrics. Either all of them are recorded or none.

    The response to an empty batch is an empty array. A timestamp may lie in the future by as much as
    the service is
    configured to accept, a day by default.

    Args:
        idempotency_key (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (list['NewMetric']):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[ProblemDetails, list['Metric']]]
    """
    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
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
    body: list["NewMetric"],
    idempotency_key: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[ProblemDetails, list["Metric"]]]:
    """Record a batch of up to 5000 metrics

     Record a batch of up to 5000 metrics. Either all of them are recorded or none.

    The response to an empty batch is an empty array. A timestamp may lie in the future by as much as
    the service is
    configured to accept, a day by default.

    Args:
        idempotency_key (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (list['NewMetric']):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[ProblemDetails, list['Metric']]
    """
    return sync_detailed(
        client=client,
        body=body,
        idempotency_key=idempotency_key,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: list["NewMetric"],
    idempotency_key: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[ProblemDetails, list["Metric"]]]:
    """Record a batch of up to 5000 metrics

     Record a batch of up to 5000 metrics. Either all of them are recorded or none.

    The response to an empty batch is an empty array. A timestamp may lie in the future by as much as
    the service is
    configured to accept, a day by default.

    Args:
        idempotency_key (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (list['NewMetric']):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[ProblemDetails, list['Metric']]]
    """
    kwargs = _get_kwargs(
        body=body,
        idempotency_key=idempotency_key,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: list["NewMetric"],
    idempotency_key: Union[Unset, str] = UNSET,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[ProblemDetails, list["Metric"]]]:
    """Record a batch of up to 5000 metrics

     Record a batch of up to 5000 metrics. Either all of them are recorded or none.

    The response to an empty batch is an empty array. A timestamp may lie in the future by as much as
    the service is
    configured to accept, a day by default.

    Args:
        idempotency_key (Union[Unset, str]):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (list['NewMetric']):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[ProblemDetails, list['Metric']]
    """
    return (
        await asyncio_detailed(
            client=client,
            body=body,
            idempotency_key=idempotency_key,
            x_request_id=x_request_id,
            x_correlation_id=x_correlation_id,
        )
    ).parsed
