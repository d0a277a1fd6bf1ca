"""Pictures: `models`, `transforms`, `datasets` and `utils`, under torchvision's names."""
