"""Settings of the server's worker process that functions-framework cannot set."""

import signal
import sys
from types import FrameType

from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

# Google's front ends keep a connection for 600 s.
IDLE_SECONDS = 620


def hide_server() -> None:
    """Turn off the Server header, and the server's own handling of X-Forwarded-For, which client_address does."""
    UvicornWorker.CONFIG_KWARGS = {**UvicornWorker.CONFIG_KWARGS, "server_header": False, "proxy_headers": False}


def keep_connections() -> None:
    """Keep idle connections open for longer than any front end does, in seconds, so that it is the one who closes them.

    gunicorn's own 2 s are shorter: a request may come while its connection is being closed, and is then lost.
    """
    UvicornWorker.CONFIG_KWARGS = {**UvicornWorker.CONFIG_KWARGS, "timeout_keep_alive": IDLE_SECONDS}


def exit_normally_on_sigterm() -> None:
    """Make SIGTERM exit the process normally once requests are answered, so that open resources are closed.

    Without this, uvicorn sends itself the signal again when it is done, which ends the process at once.
    """
    init_signals = UvicornWorker.init_signals

    def init_signals_and_exit(worker: UvicornWorker) -> None:
        init_signals(worker)
        signal.signal(signal.SIGTERM, _exit)

    UvicornWorker.init_signals = init_signals_and_exit


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
