"""Training: optimisers, the loop of a search, one network alone."""
