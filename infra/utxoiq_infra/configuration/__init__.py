"""A stack's configuration: read, checked and typed."""
