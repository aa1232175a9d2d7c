"""The commands of operators and of newcomers, one program: `python -m commands COMMAND`, or by `make`."""
