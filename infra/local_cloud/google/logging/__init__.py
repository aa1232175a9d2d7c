"""Cloud Logging on this machine: what the parts write to their log files, as entries to search and to count."""
