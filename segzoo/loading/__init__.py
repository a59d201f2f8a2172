"""From a folder, a hub id or somebody else's checkpoint to a model."""
