"""Inference: a copy of a model that computes the same in less time."""
