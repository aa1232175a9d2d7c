"""HTTP: the base URL, what Google puts in front of each function, and the address of Google's APIs."""
