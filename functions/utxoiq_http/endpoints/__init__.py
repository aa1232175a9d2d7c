"""The endpoints: one module for each function, and `system` for those that every function serves."""
