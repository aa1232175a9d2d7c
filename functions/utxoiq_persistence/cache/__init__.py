"""The two-level cache, kept coherent between all instances."""
