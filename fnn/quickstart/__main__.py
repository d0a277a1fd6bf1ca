"""The command ``python -m fnn.quickstart``."""

import contextlib
import sys

from fnn.errors import ArgumentError
from fnn.quickstart.cli import main
from fnn.utils import compilation_cache

with contextlib.suppress(ArgumentError, ImportError):  # no folder for it: then it is compiled anew
    compilation_cache.enable(max_bytes=1 << 30)
sys.exit(main())
