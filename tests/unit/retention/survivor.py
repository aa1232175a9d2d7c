"""Leaves a process behind that lives for ever, in place of what answers SQL, which names a FIFO that it holds."""

import json
import os
import signal
import sys


def main() -> None:
    """Start the process, and answer."""
    order = json.loads(sys.stdin.buffer.readline())
    sys.stdin.buffer.read()
    os.open(order["sql"], os.O_WRONLY)
    if os.fork() == 0:
        signal.pause()
    sys.stdout.write(json.dumps({"columns": ["answered"]}) + "\n")


if __name__ == "__main__":
    main()
