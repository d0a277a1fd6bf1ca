"""Utilities around a model: data loading in `fnn.utils.data`."""
