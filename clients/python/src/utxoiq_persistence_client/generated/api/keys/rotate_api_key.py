from http import HTTPStatus
from typing import Any, Optional, Union

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.issued_api_key import IssuedApiKey
from ...models.key_rotation import KeyRotation
from ...models.problem_details import ProblemDetails
from ...types import UNSET, Response, Unset


def _get_kwargs(
    *,
    body: KeyRotation,
    key_id: str,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(x_request_id, Unset):
        headers["X-Request-ID"] = x_request_id

    if not isinstance(x_correlation_id, Unset):
        headers["X-Correlation-ID"] = x_correlation_id

    params: dict[str, Any] = {}

    params["key_id"] = key_id

    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/api/v1/access/keys/rotate",
        "params": params,
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs


def _parse_response(
    *, client: Union[AuthenticatedClient, Client], response: httpx.Response
) -> Optional[Union[IssuedApiKey, ProblemDetails]]:
    if response.status_code == 201:
        response_201 = IssuedApiKey.from_dict(response.json())

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

    if response.status_code == 404:
        response_404 = ProblemDetails.from_dict(response.json())

        return response_404

    if response.status_code == 405:
        response_405 = ProblemDetails.from_dict(response.json())

        return response_405

    if response.status_code == 408:
        response_408 = ProblemDetails.from_dict(response.json())

        return response_408

    if response.status_code == 409:
        response_409 = ProblemDetails.from_dict(response.json())

        return response_409

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
) -> Response[Union[IssuedApiKey, ProblemDetails]]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: KeyRotation,
    key_id: str,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[IssuedApiKey, ProblemDetails]]:
    """Create a successor of an API key with the same rights

     Create a successor of an API key with the same rights. Both are valid during the overlap, by default
    a day.

    Args:
        key_id (str):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (KeyRotation): Replaces an API key. Both keys are valid for overlap_seconds; the new
            one expires at expires_at.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[IssuedApiKey, ProblemDetails]]
    """
    kwargs = _get_kwargs(
        body=body,
        key_id=key_id,
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
    body: KeyRotation,
    key_id: str,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[IssuedApiKey, ProblemDetails]]:
    """Create a successor of an API key with the same rights

     Create a successor of an API key with the same rights. Both are valid during the overlap, by default
    a day.

    Args:
        key_id (str):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (KeyRotation): Replaces an API key. Both keys are valid for overlap_seconds; the new
            one expires at expires_at.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[IssuedApiKey, ProblemDetails]
    """
    return sync_detailed(
        client=client,
        body=body,
        key_id=key_id,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    ).parsed


async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: KeyRotation,
    key_id: str,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Response[Union[IssuedApiKey, ProblemDetails]]:
    """Create a successor of an API key with the same rights

     Create a successor of an API key with the same rights. Both are valid during the overlap, by default
    a day.

    Args:
        key_id (str):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (KeyRotation): Replaces an API key. Both keys are valid for overlap_seconds; the new
            one expires at expires_at.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[Union[IssuedApiKey, ProblemDetails]]
    """
    kwargs = _get_kwargs(
        body=body,
        key_id=key_id,
        x_request_id=x_request_id,
        x_correlation_id=x_correlation_id,
    )

    response = await client.get_async_httpx_client().request(**kwargs)

    return _build_response(client=client, response=response)


async def asyncio(
    *,
    client: AuthenticatedClient,
    body: KeyRotation,
    key_id: str,
    x_request_id: Union[Unset, str] = UNSET,
    x_correlation_id: Union[Unset, str] = UNSET,
) -> Optional[Union[IssuedApiKey, ProblemDetails]]:
    """Create a successor of an API key with the same rights

     Create a successor of an API key with the same rights. Both are valid during the overlap, by default
    a day.

    Args:
        key_id (str):
        x_request_id (Union[Unset, str]):
        x_correlation_id (Union[Unset, str]):
        body (KeyRotation): Replaces an API key. Both keys are valid for overlap_seconds; the new
            one expires at expires_at.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Union[IssuedApiKey, ProblemDetails]
    """
    return (
        await asyncio_detailed(
            client=client,
            body=body,
            key_id=key_id,
            x_request_id=x_request_id,
            x_correlation_id=x_correlation_id,
        )
    ).parsed
