"""What functions-framework leaves to its server's worker, and nothing else can be told."""

import signal
import sys
from types import FrameType

from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]


def keep_quiet() -> None:
    """No name of the server in every answer, and no reading of X-Forwarded-For of its own: client_address does that."""
    UvicornWorker.CONFIG_KWARGS = {**UvicornWorker.CONFIG_KWARGS, "server_header": False, "proxy_headers": False}


def end_in_order() -> None:
    """SIGTERM ends the process as its own end would, once requests are answered: what is open is closed, and told.

    uvicorn sends itself the signal again when it is done, which would end the process on the spot.
    """
    init_signals = UvicornWorker.init_signals

    def with_an_end(worker: UvicornWorker) -> None:
        init_signals(worker)
        signal.signal(signal.SIGTERM, _exit)

    UvicornWorker.init_signals = with_an_end


def _exit(number: int, frame: FrameType | None) -> None:
    sys.exit(0)
