"""How good a model is on data: scores, and pictures of where it fails."""
