"""The architectures, each in a file."""
