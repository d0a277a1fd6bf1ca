"""Mutable state under pure functions: boxes, the scopes that bind them, and what a compiled step knows of its program.

See the README in this folder for the design.
"""

from fnn.state.box import Box
from fnn.state.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter
from fnn.state.scope import Scope, current_scope, no_scope, opened, write_out

__all__ = [
    "Box",
    "Buffer",
    "Parameter",
    "Scope",
    "UninitializedBuffer",
    "UninitializedParameter",
    "current_scope",
    "no_scope",
    "opened",
    "write_out",
]
