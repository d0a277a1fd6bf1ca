"""Generation: `generate`, one compiled program for any Module with the cache protocol (`fnn.text.cache`)."""

from fnn.text.generation.generate import generate

__all__ = ["generate"]
