"""What Cloud Run checks of a caller before a request reaches a function."""

from collections.abc import Mapping

import jwt

from local_cloud.google.iam import ANYBODY, ANYBODY_SIGNED_IN
from local_cloud.google.issuer import Issuer
from local_cloud.serving.platform_error import PlatformError


def check_invoker(
    headers: Mapping[str, str], invokers: frozenset[str], audiences: frozenset[str], google: Issuer
) -> None:
    """Let pass whom the bindings let call a function. audiences: those that a token may be meant for.

    Raises PlatformError: 401 without a valid token, 403 for a caller or an audience that is not allowed.
    """
    if ANYBODY in invokers:
        return
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise PlatformError(
            401, "this function is private: send `Authorization: Bearer <Google-signed ID token>`", _CHALLENGE
        )
    try:
        claims = google.verify_token(token.strip())
    except jwt.PyJWTError as error:
        raise PlatformError(401, f"the token is refused: {error}", _INVALID) from None
    if claims["aud"] not in audiences:
        raise PlatformError(
            403, f"the token is meant for {claims['aud']}, not for this function: {' or '.join(sorted(audiences))}"
        )
    email = str(claims.get("email", ""))
    if ANYBODY_SIGNED_IN not in invokers and not {f"serviceAccount:{email}", f"user:{email}"} & invokers:
        raise PlatformError(
            403, f"{email or 'the caller'} has no role that lets it call this function: roles/run.invoker"
        )


_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_INVALID = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
