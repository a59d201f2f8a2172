"""Losses for dense logits: terms by name, summed with weights."""
