"""The operators' console: what runs, how it is, and what can be done about it, on pages that need no script to be read.

It knows no database and no Redis: it asks the other functions, and Google's APIs.
"""
