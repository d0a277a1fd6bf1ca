"""The flags with which XLA compiles quickly, for tests and notebooks, where numbers matter and speed does not.

They are private to XLA and come and go with its versions, and one that it does not know ends the process without a
traceback.  So each is first tried in a child process, which costs a quarter of a second.
"""

import os
import subprocess
import sys
from typing import Final

__all__ = ["quick_compilation"]

# Without these two passes programs compile up to five times as fast.
_WANTED: Final = ("--xla_backend_optimization_level=0", "--xla_cpu_use_fusion_emitters=false")
_PROBE: Final = "from jaxlib import xla_client; xla_client.make_cpu_client()"  # reads the flags, without all of jax


def quick_compilation() -> str:
    """A value for ``XLA_FLAGS``: those of the flags that the installed jaxlib knows."""
    probes = []
    for flag in _WANTED:
        environment = {**os.environ, "XLA_FLAGS": flag}
        command = [sys.executable, "-c", _PROBE]
        silent = subprocess.DEVNULL
        probes.append(subprocess.Popen(command, env=environment, stdin=silent, stdout=silent, stderr=silent))
    known = [probe.wait() == 0 for probe in probes]
    return " ".join(flag for flag, is_known in zip(_WANTED, known, strict=True) if is_known)
