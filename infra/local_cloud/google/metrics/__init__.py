"""What Google's platform itself measures and logs, of the real parts on this machine."""
