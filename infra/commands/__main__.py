"""`python -m commands`."""

import sys

from commands.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
