"""What the system reaches, measured beside the best that we could write by hand: `make bench`."""
