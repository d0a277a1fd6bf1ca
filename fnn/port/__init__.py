"""`python -m fnn.port`: a PyTorch script becomes an fnn script, and shows that it computes the same."""
