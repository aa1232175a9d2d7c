"""The command that admins manage API keys by, over the HTTP API."""
