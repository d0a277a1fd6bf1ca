"""Five training scripts, each written for PyTorch and ported to fnn as a user would port it."""
