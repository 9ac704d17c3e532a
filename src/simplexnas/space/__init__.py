"""What is searched: operations, cells, and what they cost."""
