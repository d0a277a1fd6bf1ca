"""The command ``python -m fnn.quickstart``."""

import sys

from fnn.quickstart.cli import main

sys.exit(main())
