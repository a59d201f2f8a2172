"""Parameters in groups, as optimisers take them."""
