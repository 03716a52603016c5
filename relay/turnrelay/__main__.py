"""``python -m turnrelay``."""

import sys

from turnrelay import main

sys.exit(main.main())
