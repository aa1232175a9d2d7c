"""Serves a plugin as Pulumi's engine expects one: the port on the first line of the output, then gRPC."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc  # type: ignore[import-untyped]

MAX_MESSAGE = 400 * 2**20
ENDINGS = {signal.SIGINT, signal.SIGTERM}


def serve(register: Callable[[grpc.Server], None]) -> None:
    """Serve until the engine ends the process, which it does by an interrupt."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    server = grpc.server(
        ThreadPoolExecutor(64),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)],
    )
    register(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - the engine reads it
    signal.sigwait(ENDINGS)
