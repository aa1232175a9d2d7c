"""The commands of operators and of newcomers: recover, keys, archive and demo."""
