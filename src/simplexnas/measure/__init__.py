"""Measurements of a family, each written whole to a result file; half-done ones go on."""
