"""Settings of the server's worker process that functions-framework cannot set."""

import signal
import sys
from types import FrameType

from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from utxoiq_http.direct import Application, Direct

# Google's front ends keep a connection for 600 s.
IDLE_SECONDS = 620


def set_server_options() -> None:
    """Set what the server does with each connection and request.

    It sends no Server header, and leaves X-Forwarded-For to client_address. It prepares no websockets, and no lines of
    an access log, which gunicorn's level would throw away. It keeps an idle connection for longer than any front end
    does, so that it is the one who closes it: gunicorn's own 2 s are shorter, and a request is lost that comes while
    its connection is being closed. A request that came on a connection before the last one was answered inherits
    nothing of that one, such as its deadline.
    """
    UvicornWorker.CONFIG_KWARGS = {
        **UvicornWorker.CONFIG_KWARGS,
        "access_log": False,
        "proxy_headers": False,
        "reset_contextvars": True,
        "server_header": False,
        "timeout_keep_alive": IDLE_SECONDS,
        "ws": "none",
    }


def exit_normally_on_sigterm() -> None:
    """Make SIGTERM exit the process normally once requests are answered, so that open resources are closed.

    Without this, uvicorn sends itself the signal again when it is done, which ends the process at once.
    """
    init_signals = UvicornWorker.init_signals

    def init_signals_and_exit(worker: UvicornWorker) -> None:
        init_signals(worker)
        signal.signal(signal.SIGTERM, _exit)

    UvicornWorker.init_signals = init_signals_and_exit


def serve_directly(app: Application) -> None:
    """Have the server hand its requests to the app itself: `direct` says what that saves."""
    load_wsgi = UvicornWorker.load_wsgi

    def load_and_pass_by(worker: UvicornWorker) -> None:
        load_wsgi(worker)
        worker.wsgi = Direct(app, worker.wsgi)

    UvicornWorker.load_wsgi = load_and_pass_by


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
