"""Training a pair, on Lightning: what is segmentation is here, the loop is theirs."""
