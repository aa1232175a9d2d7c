"""The console's pages, a module for each of its areas. A module's `PATHS` says which pages it serves."""
