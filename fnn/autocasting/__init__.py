"""The mechanism of `fnn.amp`: in which region the code runs, and what a function's *door* does about it.

Inside a region of `fnn.amp.autocast` a function that stands in PyTorch's tables gets its floating arguments cast
before it sees them.  Below the door no region is open, so that what a function is made of is not cast a second time; a
function that is in no table hands the region on to those that it calls.
"""

from fnn.autocasting._doors import governed, governed_as, install, install_one
from fnn.autocasting._policies import Policy, admit, cast, lower, softmax_is_wide, wide_dtype
from fnn.autocasting._regions import Region, State, closed, current, opened, region
from fnn.autocasting._tables import DEVICES, TABLES

__all__ = [
    "DEVICES", "TABLES", "Policy", "Region", "State", "admit", "cast", "closed", "current", "governed", "governed_as",
    "install", "install_one", "lower", "opened", "region", "softmax_is_wide", "wide_dtype",
]  # fmt: skip
