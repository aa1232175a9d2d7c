"""The cache of two levels, kept coherent over all instances."""
