"""API keys, managed over the HTTP API."""
