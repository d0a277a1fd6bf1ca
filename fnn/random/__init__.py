"""Random numbers: keys, the ambient source, and the samplers that every layer draws from.

A *key* is a JAX key (``jax.random.key(0)`` or a raw uint32 ``PRNGKey``) or a `Generator`.  Under a JAX key the
samplers use `jax.random`; under a `Generator` they return PyTorch's numbers, computed on the host and put on the
device, so that nothing is compiled.  `AMBIENT` in place of a key means: take a fresh one from the innermost scope.
"""

from fnn.host_random import Generator, default_generator
from fnn.random._construction import constructing, draw_key, initialisation_key, iteration
from fnn.random._construction import is_constructing as is_constructing
from fnn.random._construction import program as program
from fnn.random._construction import rehearsal as rehearsal
from fnn.random._global import fork_rng, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from fnn.random._keys import AMBIENT, AnyKey, Relay, ambient, current_provider, is_staging, resolve, stream
from fnn.random._keys import MISSING_KEY as MISSING_KEY
from fnn.random._keys import Hosted as Hosted
from fnn.random._keys import Provider as Provider
from fnn.random._keys import program_generator as program_generator
from fnn.random._program import checked_source as checked_source
from fnn.random._program import program_source, set_program_source
from fnn.random._samplers import bernoulli, exponential, normal, on_device, randint, randperm, uniform

__all__ = [
    "AMBIENT",
    "program_source",
    "set_program_source",
    "AnyKey",
    "Generator",
    "Relay",
    "ambient",
    "bernoulli",
    "constructing",
    "current_provider",
    "default_generator",
    "draw_key",
    "exponential",
    "fork_rng",
    "get_rng_state",
    "initial_seed",
    "initialisation_key",
    "is_staging",
    "iteration",
    "manual_seed",
    "normal",
    "on_device",
    "randint",
    "randperm",
    "resolve",
    "seed",
    "set_rng_state",
    "stream",
    "uniform",
]
