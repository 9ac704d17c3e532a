"""The explorer: drag S in the triangle and see the network change. One HTML fragment that needs nothing else."""
