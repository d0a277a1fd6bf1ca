"""Memory that is kept from one step to the next (fnn.kernels.memory)."""

import os
import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource
import numpy as np
import fnn.functional

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(100 << 20, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


def _faults(retain: str) -> int:
    """Pages that are mapped anew when 100 MB are asked for a second time."""
    environment = os.environ | {"FNN_RETAIN_MEMORY": retain}
    found = subprocess.run([sys.executable, "-c", _FAULTS], env=environment, capture_output=True, text=True, check=True)
    return int(found.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="mallopt is glibc's")
def test_large_blocks_stay_mapped_unless_told_otherwise():
    assert 10 * _faults("1") < _faults("0")
