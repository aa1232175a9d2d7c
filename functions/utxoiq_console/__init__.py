"""The operators' console: pages that show the state of the system and run operations. They work without scripts.

The console accesses neither the database nor Redis: it calls the other functions and Google's APIs.
"""
