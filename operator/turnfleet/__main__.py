"""python -m turnfleet."""

import sys

from turnfleet import cli

if __name__ == "__main__":
    sys.exit(cli.main())
