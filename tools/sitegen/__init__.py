"""What the documentation site is made of besides the pages of docs/: see `hooks`."""
