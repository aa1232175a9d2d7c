"""The move from the system before: its rows and archives come here, and what was written here goes back."""
