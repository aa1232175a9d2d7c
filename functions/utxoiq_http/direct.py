"""The short way of a request between the server and the app: past functions-framework's layers, and in one write.

The layers find one function by four routes, make an execution id that nobody reads, and watch for exceptions that an
app of ours does not raise. The server then checks each header by two patterns and writes the head and the body of a
response one after the other, which is a system call, a packet and a wake-up of the client more. Together that was half
of what a request cost that is answered from memory: docs/decisions/0060-request-path.md.

This module leans on how uvicorn keeps a response's state; pyproject.toml bounds uvicorn for it. Where the server is
another one, as in functions-framework's debug mode, a request takes the long way.
"""

from collections.abc import Awaitable, Callable

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from utxoiq_http.answer import Answer

Application = Callable[[Scope, Receive], Awaitable[Answer]]

_CONNECTION = b"\r\nconnection:"


class Direct:
    """Answers requests by an app, and leaves all else, such as the server's start, to the framework."""

    def __init__(self, app: Application, framework: ASGIApp) -> None:
        self._app = app
        self._framework = framework

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take part in what the server calls an app for: one request, or its lifespan."""
        if scope["type"] != "http":
            await self._framework(scope, receive, send)
            return
        reply = await self._app(scope, receive)
        cycle = getattr(send, "__self__", None)
        if not (isinstance(cycle, RequestResponseCycle) and _write(cycle, reply)):
            await reply(scope, receive, send)


def take_body(receive: Receive) -> bytes | None:
    """Return a request's body if all of it has come; None if it is to be waited for, or the server is another one.

    To wait takes a timer, which costs more than all else that is done to read a body.
    """
    cycle = getattr(receive, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle) or cycle.more_body or cycle.disconnected:
        return None
    body, cycle.body = bytes(cycle.body), bytearray()
    return body


def _write(cycle: RequestResponseCycle, reply: Answer) -> bool:
    """Write the response as a whole, and return whether that was done.

    It is left to the server where there is more to it: no body is sent, the connection ends with it, the client is slow
    to read or gone, or a header would end its line.
    """
    if not cycle.keep_alive or cycle.disconnected or cycle.flow.write_paused:
        return False
    if cycle.scope["method"] == "HEAD":
        return False
    headers = [*cycle.default_headers, *reply.raw_headers]
    lines = b"\r\n".join(map(b": ".join, headers))
    if _CONNECTION in lines or b"\0" in lines or not lines.count(b"\r") == lines.count(b"\n") == len(headers) - 1:
        return False
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    cycle.transport.writelines((STATUS_LINE[reply.status_code], lines, b"\r\n\r\n", reply.body))
    cycle.response_complete = True
    cycle.message_event.set()
    cycle.on_response()
    return True
