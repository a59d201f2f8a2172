"""The host of plugins: what they may provide, how they are found, and what there is, by name."""
