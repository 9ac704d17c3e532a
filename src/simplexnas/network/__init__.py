"""Networks: the supernet, and one architecture of it."""
