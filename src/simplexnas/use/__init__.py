"""From a budget to a member of a family, and from a member to files that need nothing of this library."""
