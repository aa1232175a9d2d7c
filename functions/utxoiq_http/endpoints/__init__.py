"""What each function serves, one module a function."""
