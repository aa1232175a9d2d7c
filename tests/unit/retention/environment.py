"""Answers with the names of its environment's variables, in place of what answers SQL."""

import json
import os
import sys

if __name__ == "__main__":
    sys.stdin.buffer.read()
    names = sorted(name for name in os.environ if name != "LC_CTYPE")  # which Python sets itself
    sys.stdout.write(json.dumps({"columns": names}))
