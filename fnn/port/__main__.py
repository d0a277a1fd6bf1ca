"""The command ``python -m fnn.port``."""

import sys

from fnn.port.cli import main

sys.exit(main())
