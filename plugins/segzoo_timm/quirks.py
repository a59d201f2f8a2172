"""What no general rule covers, by timm's model family, each with its reason. Shorter is better."""

COLOURS_ONLY = frozenset({"csatv2"})
"""Converts RGB to YCbCr in its stem, so takes three channels only: any others are projected to three before it."""

CHANNELS_BEFORE_PIXELS = frozenset({"gemma4_vit"})
"""Flattens a patch channel by channel, where the other families that embed flat patches go pixel by pixel. It can't be
read off the shape of the weights, and adapting them to other channels depends on it."""
