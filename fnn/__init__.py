"""fnn: neural networks on JAX, with PyTorch's semantics."""
