"""Writes without end, in place of what answers SQL."""

import sys

if __name__ == "__main__":
    sys.stdin.buffer.read()
    while True:
        sys.stdout.write("x" * 2**16)
