"""Causal masks for `scaled_dot_product_attention` that hold no array."""

from fnn.functional.causal_bias import CausalBias, CausalVariant, causal_lower_right, causal_upper_left

__all__ = ["causal_upper_left", "causal_lower_right", "CausalVariant", "CausalBias"]
