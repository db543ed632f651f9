"""Shared by the training scripts of the model zoo."""
